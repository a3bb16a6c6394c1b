"""The steps of a run by their names, and what AWS charges for."""

from __future__ import annotations

from typing import Final

READS: Final = "reads"
ROLES: Final = "roles"
STRICT: Final = "strict"
CHANGE_SET: Final = "change_set"
PROBE: Final = "probe"
DATABASE: Final = "database"
ENVIRONMENT: Final = "environment"
CLEAN_UP: Final = "clean_up"
"""The last step of every run, which nobody chooses."""
ALL: Final = (READS, ROLES, STRICT, CHANGE_SET, PROBE, DATABASE, ENVIRONMENT)
"""The steps that can be chosen, in their order."""
BY_OPTION: Final = (STRICT, DATABASE, ENVIRONMENT)
"""Those that have an option of their own in the command on the portal's machine."""
CONTINUED: Final = (ENVIRONMENT,)
"""Those that another process continues where one has ended, since Sanso's own rows have how far they are."""
FREE: Final = (READS, ROLES, CHANGE_SET)
"""Those for which AWS charges nothing but metrics, requests and the storage of objects for minutes."""
