"""Usage, help and wrong usage in a person's language: what typer itself has in English only."""

from __future__ import annotations

from functools import partial
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from sanso_cli.texts import COLUMNS, LANGUAGE, MARKUP, WIDE_ENOUGH, _

OPTIONS, COMMAND = _("[OPTIONS]"), _("COMMAND [ARGS]...")
SUGGESTS = LANGUAGE == "en"
"""Whether typer suggests a command in the place of an unknown one, which it does in English."""
EXTRA = "Got unexpected extra argument(s) "
"""How typer's error begins that has neither a type nor a member of its own."""
WRONG_USAGE: Any = typer.BadParameter.__bases__

_OF_COMPLETION = {
    "install_completion": _("Install completion for the current shell."),
    "show_completion": _("Show completion for the current shell, to copy it or customize the installation."),
}


NARROW_NAMES = 16
"""Columns of the names of options in a narrow terminal; longer names have a line of their own."""


def _fitted(formatter: Any) -> Any:
    """Return a formatter of help whose second column is wide enough for words in a narrow terminal."""
    if COLUMNS < WIDE_ENOUGH:
        formatter.write_dl = partial(formatter.write_dl, col_max=NARROW_NAMES)
    return formatter


class TranslatedCommand(TyperCommand):
    """A command whose usage and `--help` are translated."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the usage."""
        _write_usage(self, ctx, _fitted(formatter))

    def get_help_option(self, ctx: Any) -> Any:
        """Return `--help`."""
        return _translated(super().get_help_option(ctx))


class TranslatedGroup(TyperGroup):
    """A group of commands whose usage, `--help` and completion are translated."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the usage."""
        _write_usage(self, ctx, _fitted(formatter))

    def get_help_option(self, ctx: Any) -> Any:
        """Return `--help`."""
        return _translated(super().get_help_option(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands with their whole sentences, which click would shorten to one line each."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [(name, " ".join((one.help or "").split())) for name, one in found.items() if one]
        with formatter.section(_("Commands")):
            formatter.write_dl(rows)

    def get_params(self, ctx: Any) -> Any:
        """Return the parameters, with translated help of those that typer adds."""
        found: Any = super().get_params(ctx)
        for one in found:
            one.help = _OF_COMPLETION.get(one.name, one.help)
        return found


def group(text: str) -> typer.Typer:
    """Return a new group of commands with this help."""
    return typer.Typer(
        cls=TranslatedGroup,
        no_args_is_help=True,
        suggest_commands=SUGGESTS,
        options_metavar=OPTIONS,
        subcommand_metavar=COMMAND,
        help=text,
        pretty_exceptions_enable=False,
        rich_markup_mode=MARKUP,
        # Otherwise help has at least 50 columns.
        context_settings={"terminal_width": COLUMNS - 1} if COLUMNS < WIDE_ENOUGH else {},
    )


def _write_usage(command: Any, ctx: Any, formatter: Any) -> None:
    formatter.write_usage(ctx.command_path, " ".join(command.collect_usage_pieces(ctx)), _("Usage: "))


def _translated(option: Any) -> Any:
    if option is not None:
        option.help = _("Show this message and exit.")
    return option


def show_wrong_usage(exc: Any) -> None:
    """Print the usage, and what is wrong with the arguments. In English typer does."""
    if LANGUAGE == "en" or type(exc).__name__ == "NoArgsIsHelpError":
        exc.show()
        return
    if exc.ctx is not None:
        typer.echo(exc.ctx.get_usage(), err=True)
        text = _("Try '%(command)s --help' for help.")
        typer.echo(f"{text % {'command': exc.ctx.command_path}}\n", err=True)
    typer.echo(_("Error: %(text)s") % {"text": _sentence(exc)}, err=True)


def _sentence(exc: Any) -> str:
    """Return what is wrong, by the kind of typer's error; as typer words it if the kind is unknown."""
    kind = type(exc).__name__
    param = getattr(exc, "param", None)
    name = param.get_error_hint() if param is not None else ""
    if kind == "MissingParameter" and name:
        return _("%(name)s is missing.") % {"name": name}
    if kind == "BadParameter" and name:
        return _("%(name)s has an invalid value. The help says which are valid.") % {"name": name}
    if kind == "BadOptionUsage":
        return _("Option %(name)s has no value, or has one and takes none.") % {"name": exc.option_name}
    if kind == "NoSuchOption":
        text = _("No such option: %(name)s.") % {"name": exc.option_name}
        names = ", ".join(sorted(exc.possibilities or ()))
        similar = _("Similar: %(names)s.") % {"names": names}
        return f"{text} {similar}" if names else text
    if exc.message.startswith(EXTRA):
        return _("Unexpected arguments: %(names)s.") % {"names": exc.message[len(EXTRA) :].strip("()")}
    return str(exc.format_message())
