"""The parts of tools/make_gallery.py."""
