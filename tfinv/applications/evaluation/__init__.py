"""How well each layer of a generator can write down sets of pictures (thesis, chapter 5)."""
