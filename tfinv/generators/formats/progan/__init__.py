"""NVIDIA's ProGAN, from its pickles."""
