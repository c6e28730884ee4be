"""Restoring pictures: inverted through what they went through, and judged where the truth is."""
