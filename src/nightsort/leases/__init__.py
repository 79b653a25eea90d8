"""One writer of a kind at a time, on a disk and in a bucket."""
