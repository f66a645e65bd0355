"""Processes of uncertain quantities: one file a kind, found through entry points ``process.KIND``."""
