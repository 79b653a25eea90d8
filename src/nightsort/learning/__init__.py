"""Torch: networks, batches, losses, training, bundles."""
