"""Which tensor is the picture, how it is laid out and which range its values have."""
