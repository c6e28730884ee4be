"""Pictures on the way from one code to another."""
