"""Named axes: the labels that say what each position of an array is.

Kernels take plain arrays in the fixed order ``[path, period, site, chip, ...]``; an `Axis` holds a dimension's name and labels, so
that every row, column and result can be named back in domain words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Axis:
    """One named dimension.

    Examples
    --------
    >>> Axis("site", ("north", "south")).position("south")
    1
    """

    name: str
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse labels that occur twice."""
        if len(set(self.labels)) != len(self.labels):
            msg = f"axis {self.name!r} has a label twice: {self.labels}"
            raise ValueError(msg)

    def __len__(self) -> int:
        """Count the labels."""
        return len(self.labels)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {label: k for k, label in enumerate(self.labels)}

    def position(self, label: str) -> int:
        """Position of a label; KeyError names the axis."""
        try:
            return self._positions[label]
        except KeyError:
            msg = f"axis {self.name!r} has no label {label!r}"
            raise KeyError(msg) from None
