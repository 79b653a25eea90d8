"""Running it for real: what an operator does with a storage root as a whole."""
