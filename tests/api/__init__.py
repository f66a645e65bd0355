"""Tests of the package that chains the others."""
