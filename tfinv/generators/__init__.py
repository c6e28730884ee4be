"""Trained generators of any origin behind one interface: layers, and the two halves of a cut."""
