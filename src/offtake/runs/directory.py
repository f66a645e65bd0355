"""Create or replace a directory in one step: either the old one or the new one is there, whole, whatever happens.

A new directory is written beside its target under a hidden name, forced to disk, and then swapped with the target by one
rename (exchange of names where the system has it). The hidden directory is held by a lock as long as its writer lives, so
that the next writer can tell what an interrupted one left behind and remove it.

Only a directory that a run wrote, and that holds nothing else, is ever replaced.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.errors import RunDirectoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["check_target", "new_directory", "sync"]

_NEW, _OLD = "new", "old"


def check_target(target: Path, owned: Callable[[Path], frozenset[str] | None]) -> None:
    """Refuse a target that must not be replaced: a link, a file, a folder that is not ours or holds more than ours.

    Raises
    ------
    RunDirectoryError    with what is in the way and what to do
    """
    _named(target)
    if target.is_symlink():
        msg = f"{target} is a link; name the folder itself"
        raise RunDirectoryError(msg)
    if not target.exists():
        return
    if not target.is_dir():
        msg = f"{target} is a file; name another folder for the run"
        raise RunDirectoryError(msg)
    present = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_symlink() or not p.is_dir()}
    if not present and not any(target.iterdir()):
        return
    ours = owned(target)
    if ours is None:
        msg = f"{target} is not empty and no run wrote it; name another folder"
        raise RunDirectoryError(msg)
    if foreign := sorted(present - ours):
        msg = f"{target} also holds {', '.join(foreign[:3])}, which no run wrote; move it away or name another folder"
        raise RunDirectoryError(msg)


def _named(target: Path) -> None:
    """Refuse a path that ends in no name: the current folder, its parent, a root."""
    if target.name in {"", ".."}:
        msg = f"{target}: name a folder for the run, such as runs/base"
        raise RunDirectoryError(msg)


@contextlib.contextmanager
def new_directory(target: Path, owned: Callable[[Path], frozenset[str] | None]) -> Iterator[Path]:
    """Yield an empty hidden directory; on success it becomes `target` in one step, on any failure it vanishes.

    Parameters
    ----------
    target : Path       what to create or replace
    owned : callable    reads a directory's marker: the relative paths that a run wrote there, None where no run did

    Raises
    ------
    RunDirectoryError    where the target must not be replaced, or the disk refuses
    """
    _named(target)
    target = Path(os.path.abspath(target))  # noqa: PTH100  # resolve() would follow the link that check_target refuses
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _recover(target)
        check_target(target, owned)
        with _held(target) as fresh:
            yield fresh
            sync(fresh)
            check_target(target, owned)
            _swap(fresh, target)
            _sync_one(target.parent)
    except OSError as error:
        msg = f"{target}: cannot write the run: {error.strerror or error}; nothing was changed"
        raise RunDirectoryError(msg) from error


def sync(directory: Path) -> None:
    """Force every file and folder below a directory to disk."""
    for path in sorted(directory.rglob("*")):
        _sync_one(path)
    _sync_one(directory)


def _sync_one(path: Path) -> None:
    if path.is_dir() and sys.platform == "win32":
        return  # a folder cannot be opened there, and its entries are journalled
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _held(target: Path) -> Iterator[Path]:
    """Make a hidden sibling, lock it, and remove whatever stands under its name in the end."""
    while True:
        fresh = target.parent / f".{target.name}.{_NEW}-{secrets.token_hex(4)}"
        fresh.mkdir()
        lock = _lock(fresh)
        if lock is not None and fresh.exists():  # another writer's cleaning may have come between
            break
        _unlock(lock)
    try:
        yield fresh
    finally:
        _remove(fresh)
        _unlock(lock)


def _recover(target: Path) -> None:
    """Remove what interrupted writers left; put an old run back if it was moved aside and nothing took its place."""
    for path in sorted(target.parent.glob(f".{_escaped(target.name)}.{_OLD}-*")):
        if not target.exists():
            path.rename(target)
    for kind in (_NEW, _OLD):
        for path in sorted(target.parent.glob(f".{_escaped(target.name)}.{kind}-*")):
            if (lock := _lock(path)) is not None:
                _remove(path)
                _unlock(lock)


def _escaped(name: str) -> str:
    """Quote the wildcards of a name for glob."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _remove(path: Path) -> None:
    """Remove a hidden directory; what cannot be removed now is removed by the next writer."""
    shutil.rmtree(path, ignore_errors=True)


def _lock(path: Path) -> int | None:
    """Take the lock of a directory: a handle, or None where a living writer holds it or it is gone."""
    if sys.platform == "win32":
        return -1
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _unlock(lock: int | None) -> None:
    if lock is not None and lock >= 0:
        os.close(lock)


def _swap(fresh: Path, target: Path) -> None:
    """Put `fresh` in the place of `target`; after an exchange the old run stands under the hidden name."""
    if not target.exists():
        fresh.rename(target)
        return
    if _exchange(fresh, target):
        return
    aside = target.parent / f".{target.name}.{_OLD}-{secrets.token_hex(4)}"
    target.rename(aside)  # between these two renames the next writer's _recover puts the old run back
    fresh.rename(target)
    _remove(aside)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step where the system can (Linux: renameat2, macOS: renamex_np)."""
    if sys.platform == "win32":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    here = -100  # AT_FDCWD of fcntl.h
    if hasattr(library, "renameat2"):
        return bool(library.renameat2(here, first, here, second, 2) == 0)  # RENAME_EXCHANGE of linux/fs.h
    if hasattr(library, "renamex_np"):
        return bool(library.renamex_np(first, second, 2) == 0)  # RENAME_SWAP of sys/stdio.h
    return False
