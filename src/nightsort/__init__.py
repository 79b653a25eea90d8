"""Nightsort, the library: pictures, shards, models, scores and reports."""
