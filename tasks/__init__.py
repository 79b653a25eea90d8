"""Prefect tasks: retries, progress and fan-out around library calls."""
