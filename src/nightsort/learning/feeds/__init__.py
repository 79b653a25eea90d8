"""Pictures on their way to a model: in memory, from the shards, shared by processes, blended."""
