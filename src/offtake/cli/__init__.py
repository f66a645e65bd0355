"""The command line: one file for each command; shows, computes nothing."""
