"""Every format that a generator can come in: a source in, a graph and what is known of it out."""
