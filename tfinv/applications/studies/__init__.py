"""The thesis's experiments, each a study: arms that differ in one thing, a figure and a table."""
