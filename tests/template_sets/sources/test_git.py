"""Versions from Git: over http from a real server, and from a repository of this machine."""

from __future__ import annotations

import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from deployments.common.message_codes import Code
from deployments.template_sets.sources.process import fetch
from deployments.template_sets.sources.spec import FetchSpec
from tests.git_server import GitRepository, GitServer, git_server
from tests.template_sets.sources.fetching import fetched, git, refused

ROOT = "Resources: {A: {Type: AWS::SNS::Topic}}"


def test_a_branch_is_a_version_with_its_author_time_message_and_files(server: GitServer) -> None:
    commit = server.create("set").commit({"set/root.yaml": ROOT, "README": "x"}, "Add a topic\n\nFor alarms.")

    found = fetched(server.url("set"), path="set")

    assert found.refs == {"refs/heads/main": commit}
    [version] = found.versions
    assert (version.commit, version.author) == (commit, "Aiko Tanaka <aiko@example.com>")
    assert version.authored_at == datetime.fromisoformat("2026-09-21T23:13:20+09:00")
    assert version.message == "Add a topic\n\nFor alarms."
    assert version.files == {"set/root.yaml": ROOT.encode()}


def test_patterns_bring_a_version_for_each_commit_and_tags_lead_to_their_commits(server: GitServer) -> None:
    repository = server.create("set")
    first = repository.commit({"root.yaml": ROOT})
    repository.tag("v1.0", message="The first release")
    second = repository.commit({"root.yaml": ROOT, "new.yaml": ROOT})
    repository.tag("v1.1")
    repository.tag("other")

    found = fetched(server.url("set"), refs="main v*")

    assert found.refs == {"refs/heads/main": second, "refs/tags/v1.0": first, "refs/tags/v1.1": second}
    assert {version.commit: set(version.files) for version in found.versions} == {
        first: {"root.yaml"},
        second: {"root.yaml", "new.yaml"},
    }


def test_a_known_commit_is_not_fetched_again(server: GitServer) -> None:
    repository = server.create("set")
    known = repository.commit({"root.yaml": ROOT})
    repository.tag("v1")
    before = len(server.requests)

    found = fetched(server.url("set"), refs="main v*", known_commits=frozenset({known}))

    assert found.refs == {"refs/heads/main": known, "refs/tags/v1": known}
    assert found.versions == ()
    assert server.requests[before:] == [
        "GET /set.git/info/refs?service=git-upload-pack",
        "POST /set.git/git-upload-pack",
    ]


def test_only_the_newest_tags_are_fetched_and_no_history(server: GitServer) -> None:
    repository = server.create("set")
    for number in range(25):
        repository.commit({"root.yaml": f"{ROOT} # {number}"})
        repository.tag(f"v1.{number}")

    found = fetched(server.url("set"), refs="v*")

    assert list(found.refs) == [f"refs/tags/v1.{number}" for number in range(24, 4, -1)]
    assert len(found.versions) == 20


def test_only_files_that_the_manifest_refers_to_belong_to_the_set(server: GitServer) -> None:
    manifest = "artifacts: [{key: playbook.zip, folder: ../playbook, also: {app: ../app}}]"
    server.create("set").commit(
        {"set/template-set.yaml": manifest, "playbook/a.yml": "a", "app/b.py": "b", "docs/c.md": "c"}
    )

    [version] = fetched(server.url("set"), path="set").versions

    assert set(version.files) == {"set/template-set.yaml", "playbook/a.yml", "app/b.py"}


def test_functions_of_cloudformation_in_the_manifest_hide_no_references(server: GitServer) -> None:
    manifest = """
image_parameters: {WebImageId: !FindInMap [MachineImages, !Ref WebOperatingSystem, Parameter]}
artifacts: [{key: playbook.zip, folder: ../playbook}]
"""
    server.create("set").commit({"set/template-set.yaml": manifest, "playbook/a.yml": "a"})

    [version] = fetched(server.url("set"), path="set").versions

    assert set(version.files) == {"set/template-set.yaml", "playbook/a.yml"}


def test_a_token_is_sent_as_a_password(tmp_path: Path) -> None:
    with git_server(tmp_path / "served", token="s3cret") as server:
        server.create("set").commit({"root.yaml": ROOT})

        assert refused(git(server.url("set"))) == Code.SOURCE_LOGIN_REJECTED
        assert refused(git(server.url("set"), credentials={"token": "wrong"})) == Code.SOURCE_LOGIN_REJECTED
        assert fetched(server.url("set"), credentials={"username": "reader", "token": "s3cret"}).versions


def test_the_token_is_neither_an_argument_nor_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    popen = subprocess.Popen

    def recorded(command: list[str], **options: object) -> object:
        started.extend([*command, str(options["env"])])
        return popen(command, **options)  # type: ignore[call-overload]  # the caller's own

    monkeypatch.setenv("SECRET_KEY", "k3y")
    with git_server(tmp_path / "served", token="s3cret") as server:
        server.create("set").commit({"root.yaml": ROOT})
        monkeypatch.setattr("deployments.template_sets.sources.process.subprocess.Popen", recorded)
        assert fetched(server.url("set"), credentials={"token": "s3cret"}).versions

    assert started
    assert not any("s3cret" in text or "k3y" in text for text in started)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"refs": "mian"}, Code.SOURCE_REF_MISSING),
        ({"refs": "v*"}, Code.SOURCE_REFS_MISSING),
        ({"path": "sets"}, Code.SOURCE_FOLDER_MISSING),
        ({"path": "../set"}, Code.SOURCE_OUTSIDE),
        ({"addresses": ()}, Code.SOURCE_HTTP_NOT_ALLOWED),
    ],
)
def test_each_mistake_of_a_user_has_its_own_reason(
    server: GitServer, options: dict[str, object], code: Code
) -> None:
    server.create("set").commit({"root.yaml": ROOT})

    assert refused(git(server.url("set"), **options)) == code


def test_a_repository_that_does_not_exist_is_said_so(server: GitServer) -> None:
    assert refused(git(server.url("other"))) == Code.SOURCE_REPOSITORY_MISSING


def test_a_local_repository_needs_a_setting(server: GitServer, tmp_path: Path) -> None:
    repository = server.create("set")
    commit = repository.commit({"root.yaml": ROOT})
    repository.tag("v1", message="annotated")
    url = str(repository.folder)

    assert refused(git(url)) == Code.SOURCE_PATH_NOT_ALLOWED
    assert refused(git(url, local_folders=(str(tmp_path / "other"),))) == Code.SOURCE_PATH_NOT_ALLOWED
    found = fetched(url, refs="v*", local_folders=(str(tmp_path),))
    assert found.refs == {"refs/tags/v1": commit}
    assert found.versions[0].files == {"root.yaml": ROOT.encode()}


def test_a_link_does_not_lead_out_of_the_allowed_folders(server: GitServer, tmp_path: Path) -> None:
    server.create("set").commit({"root.yaml": ROOT})
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "set").symlink_to(server.folder / "set.git")

    spec = FetchSpec(kind="git", url=str(inside / "set"), refs="main", local_folders=(str(inside),))

    assert refused(spec) == Code.SOURCE_PATH_NOT_ALLOWED


def test_objects_of_another_repository_are_not_read(server: GitServer, tmp_path: Path) -> None:
    secret = server.create("secret")
    commit = secret.commit({"root.yaml": ROOT})
    inside = GitRepository(tmp_path / "inside" / "set.git")
    (inside.folder / "objects" / "info" / "alternates").write_text(f"{secret.folder / 'objects'}\n")
    inside.git("update-ref", "refs/heads/main", commit)

    below = (str(tmp_path / "inside"),)

    assert refused(git(str(inside.folder), local_folders=below)) == Code.SOURCE_PATH_NOT_ALLOWED
    assert fetched(str(inside.folder), local_folders=(str(tmp_path),)).versions


def test_versions_can_be_read_after_the_repository_is_gone(server: GitServer) -> None:
    repository = server.create("set")
    repository.commit({"root.yaml": ROOT})
    found = fetch(git(server.url("set")))
    repository.delete()

    assert found.versions[0].files["root.yaml"] == ROOT.encode()
    assert refused(git(server.url("set"))) == Code.SOURCE_REPOSITORY_MISSING
