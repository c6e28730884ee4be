"""Training a generator of one's own: objectives, the loop, and what freezes its batch norm."""
