"""TensorFlow graphs: read them, cut them, run them; nothing here knows what a GAN is."""
