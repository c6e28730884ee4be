"""Checkpoints of improved_wgan_training, whose graphs are not in the file."""
