"""The files by which people are asked and answer."""
