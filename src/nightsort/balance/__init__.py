"""The resampling plan: class counts to targets, indices and synthetic embeddings."""
