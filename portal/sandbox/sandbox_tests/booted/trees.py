"""The base trees of booted machines, built on first use."""

from __future__ import annotations

import pytest

from sanso_sandbox.backends.machines.booted import base_tree as trees


def base_tree(system: trees.System = trees.System.AMAZON) -> trees.Base:
    """Return the base tree of the machines, created on the first use. Skip the test if that fails."""
    try:
        return trees.build(system=system)
    except trees.CommandFailed as failed:  # no access to the distribution's packages, for example
        pytest.skip(f"the base tree of the machines cannot be created: {str(failed)[-300:]}")
