"""What inversion is for: whole jobs over pictures, codes and generators."""
