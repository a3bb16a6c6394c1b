"""Scenes of the later release without deployments: template sets, people, their rights, notifications."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

from tests.git_server import GitServer
from tests.pages.pages import page
from tests.upgrade import PASSWORD
from tests.upgrade.api_client import Program, program_of
from tests.upgrade.later import Later
from tests.upgrade.visitor import Visitor

CHANGING_SET = Path(__file__).parent / "changing_set"
MANIFEST = "infra_templates/template-set.yaml"
PARTS = ("infra_templates", "playbook", "datelog")
WEEKEND = {"name": "Weekend", "reason": "Nobody is here", "zone": "Asia/Tokyo"}
NOWHERE = "https://hooks.example.invalid/sanso"
TOPICS = ["deployment.failed", "deployment.succeeded", "deployment.canceled", "approval.requested"]


def files_of(folder: Path, *parts: str) -> dict[str, bytes]:
    """Return the files of a folder, or of parts of it, by their path."""
    files: dict[str, bytes] = {}
    for part in parts or (".",):
        for file in sorted((folder / part).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                files[str(file.relative_to(folder))] = file.read_bytes()
    return files


def template_sets(later: Later, server: GitServer) -> None:
    """Sets from a repository with branches and tags, from archives, of a failed fetch, and a removed one."""
    files = files_of(CHANGING_SET)
    repository = server.create("changing")
    repository.commit(files, "Begin")
    repository.tag("v1")
    url = server.url("changing")
    changing = _add(later, "changing", kind="git", url=url, refs="main v*", username="reader", token="unused")
    _versions(later, "changing", 1)
    described = files["inner.yaml"].replace(b"The second stack", b"The second stack, described")
    repository.commit({"inner.yaml": described}, "Describe the second stack")
    repository.tag("v1")
    repository.tag("v2")
    later.admin.post(f"/template-sets/{changing}/fetch")
    second = _versions(later, "changing", 2)[1]
    later.admin.post(f"/template-sets/{changing}/webhook", enabled=True)

    archives = _add(later, "uploads", kind="archive")
    later.admin.upload(
        f"/template-sets/{archives}/archive", archive_of(files | {"inner.yaml": described + b"\n"})
    )
    version = _versions(later, "uploads", 1)[0]
    later.admin.post(f"/versions/{version}/status", status="deprecated", reason="Replaced")
    _add(later, "no-repository", kind="git", url=server.url("nothing"), refs="main", fetch_minutes=60)
    later.admin.post(f"/template-sets/{_add(later, 'removed', kind='archive')}/remove")
    later.versions = {"changing": _versions(later, "changing", 2), "uploads": [version]}
    assert second == later.versions["changing"][1]


def full_set(later: Later, server: GitServer) -> None:
    """The set that ships with the release, and a second version with another playbook, from a repository."""
    repository = server.create("full")
    files = files_of(later.release.checkout, *PARTS)
    manifest = bytes(files[MANIFEST]).decode()  # the release could not read tags in manifests from Git
    files[MANIFEST] = re.sub(r"^image_parameters:\n( .*\n)+", "", manifest, flags=re.MULTILINE).encode()
    repository.commit(files, "Begin")
    source = _add(later, "full", kind="git", url=server.url("full"), path="infra_templates", refs="main")
    _versions(later, "full", 1)
    playbook = (later.release.checkout / "playbook/playbook.yml").read_text()
    repository.commit({"playbook/playbook.yml": f"{playbook}\n# another version\n"}, "Change the playbook")
    later.admin.post(f"/template-sets/{source}/fetch")
    later.versions = {**later.versions, "full": _versions(later, "full", 2)}


def archive_of(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return content.getvalue()


def _add(later: Later, name: str, **values: Any) -> int:
    return int(later.admin.post("/template-sets", name=name, **values)["id"])


def _versions(later: Later, name: str, count: int) -> list[int]:
    """Wait until a set has this many versions and no fetch is in progress, and return the versions."""
    source = "(SELECT id FROM deployments_templatesource WHERE name = ?)"
    versions = f"SELECT id FROM deployments_templateversion WHERE source_id = {source} ORDER BY number"
    fetches = f"SELECT 1 FROM deployments_templatefetch WHERE source_id = {source} AND ended_at IS NULL"

    def found() -> list[int]:
        return [row[0] for row in later.release.rows(versions, (name,))]

    later.wait_for(
        f"{name} has {count} versions",
        lambda: len(found()) >= count and not later.release.rows(fetches, (name,)),
        seconds=300,
    )
    return found()


def people(later: Later, admin: Visitor) -> Program:
    """Teams, grants of each role and scope, invitations, and a service account with tokens.

    Return the program of the person who accepted an invitation.
    """
    for name in ("payments", "platform"):
        later.admin.post("/teams", name=name, description=f"The {name} team")
    teams = {one["name"]: one["id"] for one in later.admin.get("/teams")["items"]}
    reviewer = invite(later, admin, "reviewer", teams["payments"])
    admin.send("/access/invite", name="newcomer", email="newcomer@example.com")
    environment = later.environment("guests")
    account = later.accounts["blog"][0]
    grants = later.admin
    grants.post("/grants", team=teams["payments"], role="deployer", scope="label", label="team=payments")
    grants.post("/grants", person="reviewer", role="approver", scope="everything")
    grants.post("/grants", person="reviewer", role="operator", scope="account", account=account)
    rights = ["deployments.view_environment", "deployments.break_lock"]
    custom = {"role": "custom", "rights": rights, "scope": "environment", "environment": environment}
    grants.post("/grants", person="reviewer", **custom)
    grants.post("/grants", team=teams["platform"], role="admin", scope="account", account=account)
    later.admin.post(f"/teams/{teams['platform']}/members", person="operator")
    service = later.admin.post(
        "/service-accounts", name="pipeline", description="Deploys from the main branch"
    )
    later.admin.post("/grants", person=service["username"], role="deployer", scope="everything")
    program_of(admin, "pipeline", owner=int(service["id"]))
    return program_of(reviewer, "reviewer")


def invite(later: Later, admin: Visitor, name: str, team: int) -> Visitor:
    """Invite a person, who accepts."""
    answer = admin.send("/access/invite", name=name, email=f"{name}@example.com", teams=[str(team)])
    found = re.search(r"/invitation/\?key=[\w-]+", unescape(answer.text))
    assert found, page(answer).text
    person = Visitor(later.release.url)
    person.get(found[0])
    person.send("/invitation/", new_password1=PASSWORD, new_password2=PASSWORD)
    return person


def notifications(later: Later, reviewer: Program) -> None:
    """Targets of people and of everybody, whose address nobody answers at, and one that is switched off."""
    later.admin.post(
        "/notifications", name="Chat", address=NOWHERE, topics=TOPICS, kind="webhook", shared=True
    )
    reviewer.post("/notifications", name="Mail", topics=TOPICS, kind="mail")
    later.admin.post(
        "/notifications",
        name="Pager",
        address="slack://token-a/token-b/token-c",
        topics=TOPICS,
        kind="service",
    )
    off = later.program.post("/notifications", name="Off", address=NOWHERE, topics=TOPICS, kind="webhook")
    later.program.post(f"/notifications/{off['id']}/enabled", enabled=False)


def rules(later: Later) -> None:
    """Rules of approval, and freezes: weekly and over the holidays, of an account in which nothing runs."""
    later.admin.post("/approval-rules", label="stage=production", approvals=2, role="approver")
    later.admin.post("/approval-rules", label="stage=staging", approvals=1)
    account = later.accounts["blog"][0]
    weekly = {"kind": "weekly", "start_day": 4, "start_time": "18:00", "end_day": 0, "end_time": "08:00"}
    later.admin.post("/freeze-windows", account=account, **WEEKEND, **weekly)
    once = {"start_date": "2030-12-24", "start_time": "00:00", "end_date": "2031-01-04", "end_time": "08:00"}
    later.admin.post(
        "/freeze-windows", account=account, **WEEKEND | {"name": "Holidays"}, kind="once", **once
    )


def programs(admin: Visitor, operator: Visitor) -> tuple[Program, Program]:
    """Return the programs of the operator and of the administrator, each with a token of their own."""
    return program_of(operator, "fixture"), program_of(admin, "fixture")
