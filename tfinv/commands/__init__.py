"""What the command modules share: flags, and a main that turns faults into one line."""
