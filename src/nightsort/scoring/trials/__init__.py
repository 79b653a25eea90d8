"""Which backend serves a model on a machine: measured, held against the reference, chosen, recorded."""
