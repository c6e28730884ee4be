"""The optimisation: what is minimised, from where, by which solver, and the loop that runs it."""
