"""Applying a champion: the engine, the ledger, the outcome of every picture."""
