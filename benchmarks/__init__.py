"""Measurements of what Offtake promises about speed and size."""
