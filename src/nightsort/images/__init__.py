"""Bytes and arrays: decode and preprocess one picture."""
