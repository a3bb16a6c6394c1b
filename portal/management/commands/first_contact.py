"""`manage.py first_contact ACCOUNT`: ask AWS what Sanso relies on, record the answers, and clean up."""

from __future__ import annotations

import os
import signal
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from types import FrameType
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from deployments.environments.models.accounts import Account
from deployments.first_contact.display import report
from deployments.first_contact.models import ContactRun
from deployments.first_contact.rules import step_names
from deployments.first_contact.shared import runs
from deployments.first_contact.shared.rights import require_environment_rights
from deployments.first_contact.steps.contact import Contact, TakenOver
from deployments.first_contact.steps.run import finish, take_steps
from portal.support import contact_archive


class Command(BaseCommand):
    """Run the first contact with an account."""

    help = (
        "Calls AWS in an account step by step, compares what it answers with what Sanso expects, deletes "
        "everything that it created, and writes a report and the AWS call log to one archive. "
        "docs/first-contact.md says what each step creates."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the account, the steps, and the archive."""
        parser.add_argument("account", help="the name of the account")
        parser.add_argument(
            "--steps",
            type=_steps,
            default=list(step_names.FREE),
            metavar="STEP,STEP",
            help=f"the steps: {', '.join(step_names.ALL)}; without this, {', '.join(step_names.FREE)}",
        )
        parser.add_argument(
            "--database",
            action="store_true",
            help="take the step database as well, which creates an Aurora cluster without instances",
        )
        parser.add_argument(
            "--strict",
            action="store_true",
            help="take the step strict as well, for roles with the strict scope",
        )
        parser.add_argument(
            "--environment",
            action="store_true",
            help="take the step environment as well, which creates, changes and deletes an environment",
        )
        parser.add_argument("--user", default="", help="the user who requests the environment, and owns it")
        parser.add_argument("--clean-up", action="store_true", help="only clean up after an earlier run")
        parser.add_argument("--output", type=Path, help="the archive to write; it must not exist")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run it. Raise CommandError if something is left in AWS, or is not as expected."""
        account = Account.objects.usable().called(options["account"]).first()
        if account is None:
            raise CommandError(f"There is no account {options['account']}.")
        path: Path | None = options["output"]
        if path is not None and path.exists():
            raise CommandError(f"{path} exists.")
        before = signal.signal(signal.SIGTERM, _stop)
        try:
            run = self._run(account, options)
        except runs.Busy:
            raise CommandError(f"A first contact with {account.name} is in progress.") from None
        except TakenOver:
            raise CommandError("Another process has taken this run over.") from None
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped while cleaning up. A worker continues it within a minute; without one, run "
                f"`manage.py first_contact {account.name} --clean-up`."
            ) from None
        finally:
            signal.signal(signal.SIGTERM, before)
        self._end(run, path)

    def _run(self, account: Account, options: dict[str, Any]) -> ContactRun:
        """Clean up after an earlier run, then make a new one. Return the last one."""
        user = _user(account, options)
        earlier = ContactRun.objects.unfinished(account)
        if earlier is not None:
            self._echo(f"Cleaning up after the run with tag {earlier.tag}")
            earlier = runs.take_over(earlier)
            finish(Contact(earlier, self._echo))
        if options["clean_up"]:
            found = earlier or ContactRun.objects.of(account).first()
            if found is None:
                raise CommandError(f"There was no first contact with {account.name}.")
            return found
        if earlier is not None and earlier.active_key is not None:
            return earlier
        asked = {name for name in step_names.BY_OPTION if options[name]}
        run = runs.begin(account, asked.union(options["steps"]), user)
        self._echo(f"First contact with {account.name}, tag {run.tag}")
        take_steps(Contact(run, self._echo))
        return run

    def _echo(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _end(self, run: ContactRun, given: Path | None) -> None:
        """Write the archive, readable by its owner alone, and say how it ended."""
        run.refresh_from_db()
        path = given or Path(contact_archive.name_of(run, timezone.now()))
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as exc:
            raise CommandError(f"{path} cannot be written: {exc.strerror}.") from exc
        with os.fdopen(descriptor, "wb") as output:
            contact_archive.write(output, run)
        self._echo(f"{path}: the report and the AWS call log. Read it before you send it.")
        if run.left:
            raise CommandError("Something is left in AWS:\n" + "\n".join(report.left_of(run)))
        if not report.is_fine(run):
            raise CommandError("Nothing is left in AWS. Not everything was as expected; see the report.")
        self._echo("Everything was as expected. Nothing is left in AWS.")


def _user(account: Account, options: dict[str, Any]) -> User | None:
    """Return the user who requests the environment, None for a run without one. Raise CommandError."""
    name = options["user"]
    if step_names.ENVIRONMENT not in options["steps"] and not options["environment"]:
        return None
    if not name:
        raise CommandError("The step environment needs --user: who requests the environment, and owns it.")
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user {name}.")
    try:
        require_environment_rights(user, account)
    except PermissionDenied as exc:
        raise CommandError(f"{name} may not take an environment through its life: {exc}.") from exc
    return user


def _steps(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in step_names.ALL]:
        raise ArgumentTypeError(f"there is no step {unknown[0]}; there are {', '.join(step_names.ALL)}")
    return names


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
