"""Labelled shards on disk: build, splits, versions."""
