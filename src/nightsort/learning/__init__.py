"""Torch: models, what they learn from, losses, training, bundles."""
