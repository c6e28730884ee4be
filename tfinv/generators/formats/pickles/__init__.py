"""Arrays and settings out of a pickle that is never unpickled."""
