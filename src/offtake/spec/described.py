"""What the fields of a class say of themselves: the text below each."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import lru_cache
from itertools import pairwise

__all__ = ["field_texts"]


@lru_cache(maxsize=512)
def field_texts(cls: type) -> dict[str, str]:
    """Return the text below each annotated field of a class and its bases, by name.

    Reading source takes longer than all else in the definition of a class, so this is asked for only where a schema is written
    (pydantic's own `use_attribute_docstrings` reads it when the class is defined).

    Examples
    --------
    >>> from offtake.spec.sites import Site
    >>> field_texts(Site)["phase_mw"]
    'Facility power of one phase.'
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not base.__module__.startswith(("builtins", "pydantic")) and "__annotations__" in base.__dict__:
            found |= _own(base)
    return found


def _own(cls: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):  # defined at a prompt: nothing to read
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for field, below in pairwise(body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text)
    return found
