"""Performance of one transformer on one chip: time, tokens/s, memory, watts. Knows no money."""
