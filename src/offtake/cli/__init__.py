"""The command line: reading what was asked, showing what came of it. Nothing is computed here."""
