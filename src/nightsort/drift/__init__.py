"""Whether what came in is still what the model learned from."""
