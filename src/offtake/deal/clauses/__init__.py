"""One module per clause kind: its terms and what is owed; found through the entry points ``clause.<kind>``."""
