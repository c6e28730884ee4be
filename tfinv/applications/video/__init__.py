"""A video inverted as a whole, so that what is found for one frame is close to the next one's."""
