"""`# vcalc: ignore[code]` at the end of a line: what silences a warning there, and whether it does."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vcalc import limits
from vcalc.errors import Place, Problem, quoted, suggestion
from vcalc.source.read import Source

_IGNORE = re.compile(rf"(?:^|\s)#\s*vcalc:\s*ignore(?![\w-])(?P<codes>\[[^\]]{{0,{limits.IGNORE_LENGTH}}}\])?")
UNUSED = "unused-ignore"


class Ignores:
    """The codes that each line of a file silences."""

    def __init__(self, source: Source, known: Iterable[str]) -> None:
        self.source = source
        self.known = frozenset(known)
        """The codes that can be silenced."""
        self._open: dict[tuple[int, str], int] = {}
        self._problems: list[Problem] = []
        for line, text in enumerate(source.lines, 1):
            if "vcalc" in text:
                self._read(line, text)
        self._unused = dict(self._open)

    def _read(self, line: int, text: str) -> None:
        found = _IGNORE.search(text)
        if not found:
            return
        start = text.index("#", found.start())
        if found["codes"] is None:
            message, hint = "an ignore names the codes that it silences", "# vcalc: ignore[stride-drops-rows]"
            self._problems.append(Problem(UNUSED, message, self._at(line, start), hint))
            return
        column = found.start("codes") + 1
        for part in found["codes"][1:-1].split(","):
            code = part.strip()
            at = column + len(part) - len(part.lstrip())
            column += len(part) + 1
            if code in self.known:
                self._open[line, code] = at
                continue
            message = f"{quoted(code)} is no code of a warning" if code else "a code is missing here"
            self._problems.append(
                Problem(UNUSED, message, self._at(line, at, len(code)), suggestion(code, self.known, "warnings"))
            )

    def _at(self, line: int, column: int, length: int = 1) -> Place:
        return self.source.at(line - 1, column, length)

    def silences(self, problem: Problem) -> bool:
        """Whether a problem of this file is silenced in its line."""
        if problem.place is None or problem.place.file != self.source.file:
            return False
        key = (problem.place.line, problem.code)
        self._unused.pop(key, None)
        return key in self._open

    def unused(self) -> list[Problem]:
        """The ignores that silenced nothing."""
        found = [
            Problem(UNUSED, f"nothing in this line needs ignore[{code}]", self._at(line, at, len(code)), "leave it out")
            for (line, code), at in self._unused.items()
        ]
        return self._problems + found
