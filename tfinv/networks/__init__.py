"""Architectures that tfinv can build: to train them, or to fill them with somebody's arrays."""
