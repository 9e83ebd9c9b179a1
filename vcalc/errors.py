"""What went wrong, where, and what would have worked.

Code deep down raises a short fact (`VcalcError` without a place); the place is added once, at the edge,
where the YAML node is at hand. A run reports all the problems it found, in the order of the file.
"""

from __future__ import annotations

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
        return f"{self.file}:{self.line}:{self.column}"


class Problem:
    """One problem: a code for machines, a message, a place and a hint for people."""

    __slots__ = ("code", "hint", "message", "place")

    def __init__(self, code: str, message: str, place: Place | None = None, hint: str = "") -> None:
        self.code = code
        self.message = message
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.message}" if self.place else self.message]
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

    def at(self, place: Place, within: str = "") -> VcalcError:
        """Add the place (and the path in the network) to the problems that have none yet."""
        for problem in self.problems:
            if problem.place is None:
                problem.place = place
                if within:
                    problem.message += f", at {within}"
        return self

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class LayerError(VcalcError):
    """A layer that does not fit its input or its own fields; `field` names the key to underline."""

    def __init__(self, message: str, field: str = "", hint: str = "") -> None:
        super().__init__("layer", message, hint=hint)
        self.field = field


def nearest(word: str, allowed: Iterable[str], count: int = 3) -> list[str]:
    """The names of `allowed` closest to `word`, best first; none when nothing is close."""
    from difflib import get_close_matches

    by_lower = {name.lower(): name for name in allowed}
    return [by_lower[match] for match in get_close_matches(word.lower(), by_lower, n=count, cutoff=0.55)]


def suggestion(word: str, allowed: Iterable[str], what: str) -> str:
    """A hint for a name that is not known: the closest ones, or else all of them."""
    allowed = sorted(set(allowed))
    close = nearest(word, allowed)
    if close:
        return "did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    return f"{what}: {', '.join(allowed)}" if allowed else ""


def _underlined(place: Place) -> list[str]:
    """The source line, clipped around the column when it is very long, with a caret under the word."""
    text, column = place.text.rstrip("\r\n").replace("\t", " "), place.column
    if len(text) > 160:
        start = max(0, column - 61)
        text, column = text[start : start + 160], column - start
    text = "".join(c if c.isprintable() else "?" for c in text)
    margin = f"{place.line} | "
    length = max(1, min(place.length, len(text) - column + 1))
    return [margin + text, " " * (len(margin) + column - 1) + "^" + "~" * (length - 1)]
