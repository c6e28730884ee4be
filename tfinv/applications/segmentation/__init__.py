"""Regions of a picture, read off the attention map with which a generator draws it."""
