"""The steps of a run by their names, and what AWS charges for."""

from __future__ import annotations

from typing import Final

READS: Final = "reads"
ROLES: Final = "roles"
CHANGE_SET: Final = "change_set"
PROBE: Final = "probe"
DATABASE: Final = "database"
CLEAN_UP: Final = "clean_up"
"""The last step of every run, which nobody chooses."""
ALL: Final = (READS, ROLES, CHANGE_SET, PROBE, DATABASE)
"""The steps that can be chosen, in their order."""
FREE: Final = (READS, ROLES, CHANGE_SET)
"""Those for which AWS charges nothing but metrics, requests and the storage of objects for minutes."""
