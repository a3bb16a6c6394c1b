"""Paths of rows: logical ids below the root stack, whose own path is empty."""

from __future__ import annotations


def parent_of(path: str) -> str:
    """Return the path of the parent stack; for the root, the root itself."""
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    """Return the logical id at the end of a path."""
    return path.rpartition("/")[2]


def and_above(path: str) -> list[str]:
    """Return a path and the paths of all its parent stacks, the root's ("") last."""
    found = [path]
    while found[-1]:
        found.append(parent_of(found[-1]))
    return found


def join(path: str, logical_id: str) -> str:
    """Return the path of a name in the stack at a path."""
    return f"{path}/{logical_id}" if path else logical_id
