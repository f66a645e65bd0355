"""What can go wrong: named cases and assumptions varied one at a time. The plan is re-solved, never re-implemented."""
