"""Backups of a storage root, and putting one back."""
