"""A program in a terminal: a pseudo-terminal of the kernel, and the screen that a person would see."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from tests.services import LIMIT, REPOSITORY, wait_until

SEQUENCE = re.compile(r"\x1b\[([?]?)([\d;]*)([A-Za-z])")
ALTERNATE, CURSOR = "1049", "25"


@dataclass
class Screen:
    """What a terminal shows: enough of xterm for programs that move the cursor, erase, and use both screens.

    Anything else is kept in `unknown`.
    """

    columns: int
    lines: int
    cells: list[list[str]] = field(default_factory=list)
    line: int = 0
    column: int = 0
    is_alternate: bool = False
    has_cursor: bool = True
    unknown: list[str] = field(default_factory=list)
    _normal: tuple[list[list[str]], int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.cells = self._empty()
        self._normal = (self._empty(), 0, 0)

    @property
    def rows(self) -> list[str]:
        """Return the lines of the screen that is shown, without the spaces at their ends."""
        return ["".join(row).rstrip() for row in self.cells]

    @property
    def modes(self) -> tuple[bool, bool]:
        """Return whether the other screen is shown, and whether the cursor is."""
        return self.is_alternate, self.has_cursor

    @property
    def text(self) -> str:
        return "\n".join(self.rows).rstrip()

    def resize(self, columns: int, lines: int) -> None:
        """Cut off or extend the lines, as xterm does."""
        self.columns, self.lines = columns, lines
        kept = self.cells[-lines:]
        self.cells = [(row + [" "] * columns)[:columns] for row in kept]
        self.cells += [[" "] * columns for _ in range(lines - len(kept))]
        self.line, self.column = min(self.line, lines - 1), min(self.column, columns - 1)

    def feed(self, text: str) -> str:
        """Show a text, and return its end if that is the beginning of a sequence."""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = SEQUENCE.match(text, at)
                if not found:
                    return text[at:] if len(text) - at < 20 else self._skip(text[at:])
                self._control(*found.groups())
                at = found.end()
            else:
                self._write(text[at])
                at += 1
        return ""

    def _skip(self, text: str) -> str:
        self.unknown.append(text[:20])
        return self.feed(text[1:])

    def _write(self, sign: str) -> None:
        if sign == "\r":
            self.column = 0
        elif sign == "\n":
            self._next_line()
        elif sign.isprintable():
            width = cell_len(sign)
            if self.column + width > self.columns:
                self._next_line()
                self.column = 0
            self.cells[self.line][self.column : self.column + width] = [sign, *[""] * (width - 1)]
            self.column += width
        else:
            self.unknown.append(sign)

    def _next_line(self) -> None:
        if self.line == self.lines - 1:
            self.cells = [*self.cells[1:], [" "] * self.columns]
        else:
            self.line += 1

    def _control(self, private: str, numbers: str, letter: str) -> None:
        number = int(numbers) if numbers.isdecimal() else 1
        if private and numbers == ALTERNATE and letter in "hl":
            self._switch(to_alternate=letter == "h")
        elif private and numbers == CURSOR and letter in "hl":
            self.has_cursor = letter == "h"
        elif letter == "H" and not numbers:
            self.line = self.column = 0
        elif letter == "A":
            self.line = max(0, self.line - number)
        elif letter == "K" and numbers == "2":
            self.cells[self.line] = [" "] * self.columns
        elif letter != "m":
            self.unknown.append(f"{private}{numbers}{letter}")

    def _switch(self, *, to_alternate: bool) -> None:
        if to_alternate and not self.is_alternate:
            self._normal = (self.cells, self.line, self.column)
            self.cells = self._empty()
        elif self.is_alternate and not to_alternate:
            self.cells, self.line, self.column = self._normal
            self.resize(self.columns, self.lines)
        self.is_alternate = to_alternate

    def _empty(self) -> list[list[str]]:
        return [[" "] * self.columns for _ in range(self.lines)]


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], columns: int = 100, lines: int = 30
    ) -> None:
        self.screen = Screen(columns, lines)
        self._near, far = pty.openpty()
        self._set_size()
        self.process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdin=far,
            stdout=far,
            stderr=far,
            start_new_session=True,
        )
        os.close(far)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the window."""
        self.screen.resize(columns, lines)
        self._set_size()

    def shows(self, *texts: str) -> None:
        """Wait until all of these texts are on the screen."""
        is_shown = lambda: all(one in self.screen.text for one in texts)  # noqa: E731
        try:
            wait_until(is_shown, what=f"{texts} in the terminal")
        except TimeoutError as exc:
            exc.add_note(self.screen.text)
            raise

    def ended(self) -> int:
        """Wait for the end of the program, and return its exit code."""
        code = self.process.wait(timeout=LIMIT)
        self._reader.join(timeout=LIMIT)
        os.close(self._near)
        return code

    def _set_size(self) -> None:
        size = struct.pack("HHHH", self.screen.lines, self.screen.columns, 0, 0)
        fcntl.ioctl(self._near, termios.TIOCSWINSZ, size)

    def _read(self) -> None:
        decoder, rest = codecs.getincrementaldecoder("utf-8")(), ""
        while True:
            try:
                found = os.read(self._near, 65536)
            except OSError:  # EIO: the program has closed it
                return
            if not found:
                return
            rest = self.screen.feed(rest + decoder.decode(found))
