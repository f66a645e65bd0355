"""Plain values as text and back, exactly, and without running anything that a file says.

Plain are None, bool, int, float, complex, str, bytes, lists, tuples, dicts of them, and numpy arrays and scalars of numbers, truth values,
texts, dates and durations.  Everything else is refused: to bring an arbitrary object back means to run code that the file names.
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from typing import Any, Literal

__all__ = ["read_plain", "write_plain"]

_DTYPE = re.compile(r"[<>|][biufcSUmM][0-9]{1,9}(\[[0-9]{0,9}[A-Za-z]{1,2}\])?")


def write_plain(value: object) -> str:
    """Write a plain value as one line of JSON.

    Raises
    ------
    TypeError    the value, or something in it, is not plain; the message names its type and its place

    Examples
    --------
    >>> write_plain({"value_usd": (0.1, float("inf"))})
    '{"dict":[["value_usd",{"tuple":[0.1,{"float":"7ff0000000000000"}]}]]}'
    >>> write_plain([1, {2}])
    Traceback (most recent call last):
        ...
    TypeError: a journal keeps plain values and arrays only, and the result holds a set at [1]
    """
    try:
        return json.dumps(_written(value, ""), allow_nan=False, separators=(",", ":"))
    except (RecursionError, ValueError) as error:
        msg = f"a journal cannot keep this result: {error}"
        raise TypeError(msg) from error


def read_plain(text: str) -> Any:  # noqa: ANN401 - whatever was written
    """Read what `write_plain` wrote.

    Raises
    ------
    ValueError    the text is something else

    Examples
    --------
    >>> read_plain(write_plain((1, -0.0, b"x", [None, True])))
    (1, -0.0, b'x', [None, True])
    """
    try:
        return _read(json.loads(text, parse_constant=_refused))
    except (KeyError, TypeError, RecursionError, OverflowError, MemoryError, struct.error) as error:
        msg = f"not a plain value: {error}"
        raise ValueError(msg) from error


def _refused(word: str) -> Any:  # noqa: ANN401
    msg = f"{word} is not written so here"
    raise ValueError(msg)


def _written(value: object, place: str) -> Any:  # noqa: ANN401, PLR0911 - one line for each kind of value
    if value is None or type(value) in {bool, int, str}:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": struct.pack(">d", value).hex()}
    if type(value) is complex:
        return {"complex": struct.pack(">dd", value.real, value.imag).hex()}
    if type(value) is bytes:
        return {"bytes": base64.b64encode(value).decode("ascii")}
    if type(value) is list:
        return [_written(part, f"{place}[{n}]") for n, part in enumerate(value)]
    if type(value) is tuple:
        return {"tuple": [_written(part, f"{place}[{n}]") for n, part in enumerate(value)]}
    if type(value) is dict:
        pairs = value.items()
        return {"dict": [[_written(k, f"{place} key"), _written(v, f"{place}[{k!r}]")] for k, v in pairs]}
    return _written_array(value, place)


def _written_array(value: object, place: str) -> Any:  # noqa: ANN401
    import numpy as np

    scalar = isinstance(value, np.generic)
    if not (scalar or type(value) is np.ndarray) or not _DTYPE.fullmatch(value.dtype.str):  # type: ignore[attr-defined]
        what = f"{value.dtype} array" if isinstance(value, np.ndarray) else type(value).__name__
        msg = f"a journal keeps plain values and arrays only, and the result holds a {what}" + (
            place and f" at {place}"
        )
        raise TypeError(msg)
    array = np.asarray(value)
    order: Literal["C", "F"] = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    data = base64.b64encode(array.tobytes(order)).decode("ascii")
    if scalar:
        return {"scalar": [array.dtype.str, data]}
    return {"array": [array.dtype.str, list(array.shape), order, data]}


def _read(node: Any) -> Any:  # noqa: ANN401, PLR0911
    if not isinstance(node, dict | list):
        return node
    if isinstance(node, list):
        return [_read(part) for part in node]
    ((kind, content),) = node.items()
    if kind == "float":
        return struct.unpack(">d", bytes.fromhex(content))[0]
    if kind == "complex":
        return complex(*struct.unpack(">dd", bytes.fromhex(content)))
    if kind == "bytes":
        return base64.b64decode(content, validate=True)
    if kind == "tuple":
        return tuple(_read(part) for part in content)
    if kind == "dict":
        return {_read(key): _read(value) for key, value in content}
    if kind == "scalar":
        return _read_array(content[0], [], "C", content[1])[()]
    if kind == "array":
        return _read_array(*content)
    raise KeyError(kind)


def _read_array(dtype: str, shape: list[int], order: Literal["C", "F"], data: str) -> Any:  # noqa: ANN401
    import numpy as np

    if not _DTYPE.fullmatch(dtype) or order not in {"C", "F"}:
        raise KeyError(dtype)
    raw = base64.b64decode(data, validate=True)
    kind = np.dtype(dtype)
    if math.prod(shape) * kind.itemsize != len(raw) or any(type(n) is not int or n < 0 for n in shape):
        raise KeyError(dtype)
    # A copy: bytes cannot be written to, and the result of a work can.
    return np.ndarray(tuple(shape), kind, raw, order=order).copy(order=order)
