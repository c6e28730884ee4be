"""Files into graphs: every format that holds one, read without running anything in it."""
