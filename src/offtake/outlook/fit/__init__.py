"""Calibration: what the catalogue's history and hourly power prices say about the terms of processes, and how far to trust it.

Estimators know arrays only; each quantity's module knows where its history stands; `shipped` reads what was fitted before.
"""
