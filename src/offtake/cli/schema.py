"""`offtake schema`: the JSON Schema of the scenario file, and of the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

__all__ = ["schema"]


def schema(
    *,
    result: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
) -> int:
    """Print the JSON Schema of the scenario file; editors complete keys and show units from it.

    Parameters
    ----------
    result : bool
        The schema of what `plan --json` prints instead.
    out : Path
        Write it to this file.
    """
    import json

    from offtake.cli.output import print_json, write_file
    from offtake.cli.terminal import print_lines

    if result:
        from offtake.api.schema import result_schema as made
    else:
        from offtake.spec.schema import json_schema as made
    document = made()
    if out is None:
        print_json(document)
        return 0
    write_file(out, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    print_lines(f"wrote {out}")
    if not result:
        print_lines(f"Next: put `# yaml-language-server: $schema={out}` on the first line of a scenario")
    return 0
