"""The words of the command line, and how commands talk."""
