"""What went wrong, where, and what would have worked.

Code deep down raises a short fact (`VcalcError` without a place); the place is added once, at the edge,
where the YAML node is at hand. A run reports all the problems it found, in the order of the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable


class Place:
    """A span of a file: 1-based line and column, and how many characters to underline."""

    __slots__ = ("column", "file", "length", "line", "text")

    def __init__(self, file: str, line: int, column: int, length: int = 1, text: str = "") -> None:
        self.file = file
        self.line = line
        self.column = column
        self.length = length
        self.text = text

    def __str__(self) -> str:
        return f"{printable(_from_here(self.file))}:{self.line}:{self.column}"


def _from_here(file: str) -> str:
    """A path below the current folder without what leads there."""
    try:
        here = os.path.join(os.getcwd(), "")
    except OSError:
        return file  # the current folder has been deleted
    return file[len(here) :] if file.startswith(here) else file


class Problem:
    """One problem: a code for machines, a message, a place in the file, a path in the network, a hint for people."""

    __slots__ = ("code", "hint", "message", "path", "place")

    def __init__(self, code: str, message: str, place: Place | None = None, hint: str = "") -> None:
        self.code = code
        self.message = printable(message)
        self.place = place
        self.path = ""
        self.hint = printable(hint)

    @property
    def position(self) -> tuple[int, int]:
        """Where it stands among those of its file; without a place it is first."""
        return (self.place.line, self.place.column) if self.place else (0, 0)

    def __str__(self) -> str:
        message = f"{self.message}, at {printable(self.path)}" if self.path else self.message
        lines = [f"{self.place}: {message}" if self.place else message]
        if self.place and self.place.text.strip():
            lines += _underlined(self.place)
        if self.hint:
            lines.append(f"  help: {self.hint}")
        return "\n".join(lines)


class VcalcError(Exception):
    """A question that cannot be answered; the command line prints it and exits with 2.

    `problems` holds everything that was found, in order.
    """

    def __init__(self, code: str, message: str, place: Place | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.problems = [Problem(code, message, place, hint)]

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> VcalcError:
        """One error that carries several problems."""
        problems = list(problems)
        error = cls(problems[0].code, problems[0].message)
        error.problems = problems
        return error

    def at(self, place: Place, path: str = "") -> VcalcError:
        """Add the place in the file and the path in the network to the problems that have none yet."""
        for problem in self.problems:
            if problem.place is None:
                problem.place = place
            if not problem.path:
                problem.path = path
        return self

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class LayerError(VcalcError):
    """A layer that does not fit its input or its own fields; `field` names the key to underline.

    Of a text in a notation of its own, `length` characters are, from `column`, which counts from 0.
    """

    def __init__(self, message: str, field: str = "", hint: str = "", column: int = 0, length: int = 0) -> None:
        super().__init__("layer", message, hint=hint)
        self.field = field
        self.column = column
        self.length = length


def nearest(word: str, allowed: Iterable[str], count: int = 3, cutoff: float = 0.55) -> list[str]:
    """The names of `allowed` closest to `word`, best first; none when nothing is as close as `cutoff` (1: equal)."""
    from difflib import get_close_matches

    by_lower = {name.lower(): name for name in allowed}
    return [by_lower[match] for match in get_close_matches(word[:60].lower(), by_lower, n=count, cutoff=cutoff)]


MOST_NAMED = 30
"""Names that a hint lists; where there are more, none is."""


def suggestion(word: str, allowed: Iterable[str], what: str) -> str:
    """A hint for a name that is not known: the closest ones, or else all of them, where they are not too many."""
    allowed = sorted(set(allowed))
    close = nearest(word, allowed)
    if close:
        return "did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    return listing(allowed, what)


def listing(allowed: Iterable[str], what: str) -> str:
    """All the names, where they are not too many."""
    allowed = sorted(set(allowed))
    return f"{what}: {', '.join(allowed)}" if 0 < len(allowed) <= MOST_NAMED else ""


def quoted(word: str) -> str:
    """What was found, in quotes, cut where it is long."""
    return f"'{word}'" if len(word) <= 60 else f"'{word[:57]}...'"


def printable(text: str) -> str:
    """The text with control characters written out, and those that turn its direction: a spec commands no terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _underlined(place: Place) -> list[str]:
    """The source line, clipped around the column when it is very long, with a caret under the word."""
    text, start = place.text.rstrip("\r\n"), place.column - 1
    if len(text) > 160:
        cut = max(0, start - 60)
        text, start = text[cut : cut + 160], start - cut
    text = "".join(" " if c == "\t" else c if c.isprintable() else "?" for c in text)
    margin = f"{place.line} | "
    word = text[start : start + place.length]
    return [margin + text, " " * (len(margin) + text_width(text[:start])) + "^" + "~" * (text_width(word) - 1)]


def text_width(text: str) -> int:
    """Columns of a terminal: Chinese and Japanese characters take two; accents and the vowels of a Korean one none."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(c) in ("Mn", "Me") or "\u1160" <= c <= "\u11ff" else 2 if east_asian_width(c) in "WF" else 1
        for c in text
    )
