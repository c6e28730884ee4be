"""What a generator is fed: which input is what, and how users write it."""
