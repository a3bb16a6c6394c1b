"""The second phase of the fixture: the later release starts with the rows of the first one, and is used."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from tests.git_server import git_server
from tests.upgrade import PASSWORD, scenes_access, scenes_changed, scenes_servers, scenes_waiting
from tests.upgrade.dump import FOLDER, Dump, artifacts_in
from tests.upgrade.later import Later, restore, stop_accounts
from tests.upgrade.release import Release
from tests.upgrade.scene_helpers import all_of, ensure_accounts

FIRST_ACCOUNT = 101
"""Twelve digits of the first account of this phase; those of the first phase begin at 1."""


def use(release: Release, before: Dump) -> Later:
    """Play every scene, stop the portal but not the sandbox, and return the stage."""
    small_set = shutil.copytree(FOLDER / "small_set", release.folder / "small_set")
    release.configure(small_set)
    restore(release, before)
    release.sandbox.start()
    stop_accounts(release, before)
    release.start(small_set)
    admin, operator = release.visitor("admin", PASSWORD), release.visitor("operator", PASSWORD)
    names = [*scenes_changed.ACCOUNTS, *scenes_waiting.SCENES, *scenes_servers.SCENES]
    program, admins = scenes_access.programs(admin, operator)
    later = Later(
        release, operator, ensure_accounts(release, names, FIRST_ACCOUNT), program=program, admin=admins
    )
    with git_server(release.folder / "served") as server:
        scenes_access.template_sets(later, server)
        scenes_access.full_set(later, server)
    reviewer = scenes_access.people(later, admin)
    scenes_access.notifications(later, reviewer)
    all_of(later, scenes_changed.SCENES)
    scenes_access.rules(later)
    all_of(later, scenes_waiting.SCENES)
    all_of(later, scenes_servers.SCENES)
    release.stop()
    later.ended.set()
    return later


def artifacts(later: Later) -> Iterator[tuple[str, bytes]]:
    """Yield the artifacts that were uploaded for the deployments in progress of the sets of topics."""
    for name in ("change-at-stacks", "change-at-preview", "change-at-artifacts"):
        yield from artifacts_in(later.release, later.number(name))
