"""Run the command line with ``python -m offtake``."""

from __future__ import annotations

from offtake.cli.app import main

if __name__ == "__main__":
    main()
