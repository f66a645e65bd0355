"""Run directories: a manifest, tables and texts, written in one step. Knows only tables and facts."""
