"""Components by group and name, found through entry points, so that a lower layer can use kinds it must not name.

An entry point of the group ``offtake.components`` is called ``<group>.<name>`` (``clause.take_or_pay``) and loads the component.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import Any

GROUP = "offtake.components"


@cache
def components(group: str) -> dict[str, Any]:
    """Load all components of a group, by name, sorted by name.

    Examples
    --------
    >>> components("no-such-group")
    {}
    """
    prefix = f"{group}."
    found = {e.name.removeprefix(prefix): e for e in entry_points(group=GROUP) if e.name.startswith(prefix)}
    return {name: found[name].load() for name in sorted(found)}


def component(group: str, name: str) -> Any:  # noqa: ANN401  (each group says what its components are)
    """Load one component; KeyError lists what there is."""
    known = components(group)
    if name not in known:
        msg = f"no {group} called {name!r}; there are {', '.join(known) or 'none'}"
        raise KeyError(msg)
    return known[name]
