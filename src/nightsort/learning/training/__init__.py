"""Training of a network, from its first weights to its best ones."""
