"""Write the fixture: run a release and a later one, play every scene, stop them, and save the database.

    git worktree add --detach /tmp/release 29ab659e
    git worktree add --detach /tmp/later 1da0a0cb
    .venv/bin/python -m tests.upgrade.make_fixture /tmp/release /tmp/later /tmp/fixture-run

The first phase takes about half an hour on two cores, the second a quarter; README.md describes the rest.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import shlex
import shutil
from pathlib import Path

from tests.pages.pages import page
from tests.services import LOOPBACK, free_port
from tests.upgrade import PASSWORD, dump, keys_for_release, scenes_full, scenes_small, second_phase
from tests.upgrade.release import REGION, Release
from tests.upgrade.scene_helpers import Stage, all_of, ensure_accounts, log
from tests.upgrade.visitor import Visitor, number_in, value_of

SMALL_SET = Path(__file__).parent / "small_set"
ROLE = "arn:aws:iam::123456789012:role/sanso-portal"


def main() -> None:
    """Write the fixture into this folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("release", type=Path, help="a checkout of the release of the first phase")
    parser.add_argument("later", type=Path, help="a checkout of the release of the second phase")
    parser.add_argument("folder", type=Path, help="a new folder for data and logs")
    parser.add_argument("--out", type=Path, default=dump.FOLDER, help="where the files are written")
    parser.add_argument("--first", type=Path, help="what an earlier run wrote in its first phase")
    parser.add_argument(
        "--keep", action="store_true", help="leave the first sandbox running for a live upgrade"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    folder = arguments.folder.resolve()
    first = arguments.first
    if first is None:
        folder.mkdir(parents=True, exist_ok=True)
        first = first_phase(Release(arguments.release.resolve(), folder / "first"), arguments.keep)
    release = Release(arguments.later.resolve(), folder / "later")
    release.install()
    try:
        before = dump.read(first)
        later = second_phase.use(release, before)
        uploaded = dict(second_phase.artifacts(later))
        written = folder / dump.USED
        dump.write(release, before.artifacts | uploaded, written)
        if later.failed:
            raise SystemExit(f"These scenes failed: {', '.join(later.failed)}")
        shutil.copy(written, arguments.out / dump.USED)
        if arguments.first is None:
            shutil.copy(first, arguments.out / dump.FILE)
    finally:
        release.stop()
        release.sandbox.stop()


def first_phase(release: Release, keeps: bool) -> Path:
    """Play the first phase, and return the file with its rows."""
    release.install()
    release.sandbox.start()
    file = release.folder.parent / dump.FILE
    try:
        accounts = play(release)
        artifacts = {
            key: body
            for name in ("at-stacks", "at-stacks-full")
            for key, body in dump.artifacts_in(release, accounts[name][1])
        }
        dump.write(release, artifacts, file)
        if keeps:
            keep(release)
    finally:
        release.stop()
        release.sandbox.stop()
    return file


def keep(release: Release) -> None:
    """Serve the release's sandbox to the portal of this checkout until Ctrl-C."""
    port = free_port()
    token = release.folder / "token"
    token.write_text("unused")
    variables = release.settings | {
        "SANSO_SANDBOX_URL": f"http://{LOOPBACK}:{port}",
        "SANSO_SANDBOX_TOKEN_FILE": str(token),
        "SANSO_TEMPLATE_SET": str(release.folder / "small_set"),
    }
    command = shlex.join(f"{name}={value}" for name, value in variables.items())
    log.info(
        "Now run the upgraded portal; Ctrl-C here ends the release's sandbox.\n\nenv %s make run\n", command
    )
    keys_for_release.serve(release.sandbox_url, port).serve_forever()


def play(release: Release) -> dict[str, tuple[int, str]]:
    """Play every scene, stop the portal but not the sandbox, and return the accounts."""
    small_set = shutil.copytree(SMALL_SET, release.folder / "small_set")
    release.start(small_set)
    admin = first_day(release)
    accounts = ensure_accounts(release, [*scenes_small.SCENES, *scenes_full.SCENES, *scenes_full.LAST_SCENES])
    stage = Stage(release, release.visitor("operator", PASSWORD), accounts)
    all_of(stage, scenes_small.SCENES)
    account_with_a_role(stage, admin)
    recordings(stage)
    release.stop()

    release.start(None)  # the set that ships
    stage.operator = release.visitor("operator", PASSWORD)
    check_templates(stage)
    all_of(stage, scenes_full.SCENES)
    all_of(stage, scenes_full.LAST_SCENES)
    operation_under_way(stage)
    release.stop()
    stage.ended.set()
    if stage.failed:
        raise SystemExit(f"These scenes failed: {', '.join(stage.failed)}")
    return accounts


def check_templates(stage: Stage) -> None:
    """Deploy once and wait for cfn-lint, so that it does not run for several scenes at the same time."""
    deployment = stage.deploy("sandbox", **scenes_full.TRIAL)
    stage.wait_for_state(deployment, "artifacts", "change_set", "stacks")
    stage.wait_for_state(deployment, "succeeded")


def first_day(release: Release) -> Visitor:
    """Log in as the first user, change the password, and add an operator and a viewer."""
    username, password = release.first_login()
    admin = release.visitor(username, password)
    admin.send(
        "/admin/password_change/", old_password=password, new_password1=PASSWORD, new_password2=PASSWORD
    )
    for name in ("operator", "viewer"):
        answer = admin.send("/admin/auth/user/add/", username=name, password1=PASSWORD, password2=PASSWORD)
        if name == "operator":
            options = page(answer).one("select", id="id_user_permissions").all("option")
            permission = next(value_of(o) for o in options if "Can add deployment" in o.text)
            admin.send(f"/admin/auth/user/{number_in(answer, 'user')}/change/", user_permissions=[permission])
    return admin


def account_with_a_role(stage: Stage, admin: Visitor) -> None:
    """Add a real AWS account with a role; a deployment there fails, since this machine has no credentials."""
    admin.send("/admin/deployments/account/add/", name="production", region=REGION, role_arn=ROLE)
    row = stage.release.rows("SELECT id FROM deployments_account WHERE name = 'production'")[0]
    stage.accounts["no-credentials"] = (int(row["id"]), "")
    stage.wait_for_state(stage.deploy("no-credentials", Password=PASSWORD), "failed")


def recordings(stage: Stage) -> None:
    """Open an included recording (an update), and import one that was exported here."""
    stage.operator.send("/deployments/recordings/", to="/update")
    sql = "SELECT id FROM deployments_deployment WHERE reason = 'fixture: guests-rolled-back'"
    exported = stage.release.folder / "exported.json"
    exported.write_text(stage.release.manage("export_deployment", str(stage.release.rows(sql)[0]["id"])))
    stage.release.manage("load_recording", str(exported), "--user", "operator")


def operation_under_way(stage: Stage) -> None:
    """Run an association again while AWS throttles the call."""
    stage.fail_calls("shop", "ssm", "StartAssociationsOnce")
    stage.press("shop", "run")
    sql = "SELECT 1 FROM deployments_operation WHERE state = 'running'"
    stage.wait_for("an operation is under way", lambda: bool(stage.release.rows(sql)))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
