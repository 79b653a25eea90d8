"""A month of nights in a few minutes: the real commands, a scripted world around them, a clock that is set off."""
