"""Pixels: where pictures come from, how they become arrays, how they are compared and shown.

Nothing here knows of generators, and nothing here imports TensorFlow before it is needed.
"""
