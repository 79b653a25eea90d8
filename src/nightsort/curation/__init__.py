"""Curation: what in a dataset a person should look at."""
