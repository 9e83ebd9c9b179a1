"""The statements that a script comes to, and the expression that it returns.

What is let go after the next call is written into that call, if nothing comes between; a name that is let go is used
again, or deleted, so that tensors live here as long as they do on paper.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

from vcalc.torch_backend.script import Script, Step

MARK = re.compile("\x03(\\d+)\x04")
"""Where a tensor stands in a call."""


class Lines:
    """A script, line by line, with names for its inputs."""

    def __init__(self, script: Script, inputs: Sequence[str]) -> None:
        self._names = {**dict(enumerate(inputs)), **script.named}
        self._free: list[str] = []
        self._made = 0
        self._uses = Counter(number for step in script.steps for number in _read(step.text))
        self._uses[script.output] += 1
        self._last = {number: step for step in script.steps for number in step.dead}
        """The call after which a tensor is let go."""
        self._end = script.steps[-1] if script.steps else None
        """The last call: what is let go after it goes with the variables of `run`."""
        self._waiting: list[tuple[Step, str]] = []
        """Calls that may be written into a later one, in their order, each with its expression."""
        self.statements: list[str] = []
        for step in script.steps:
            if step.over is not None or any(self._uses[number] for number in step.makes):
                self._add(step)
        last = len(self._waiting) - 1 if script.output not in self._names else len(self._waiting)
        self._write(last)
        self.returned = self._waiting[0][1] if self._waiting else self._names[script.output]

    def _add(self, step: Step) -> None:
        read = _read(step.text)
        first = self._taken(step, read)
        needed = [place for place, (each, _) in enumerate(self._waiting[:first], 1) if each.makes[0] in read]
        written = needed[-1] if needed else 0
        inside = {each.makes[0]: text for each, text in self._waiting[first:]}
        del self._waiting[first:]
        self._write(written)
        self._waiting.append((step, _filled(step.text, self._names | inside)))
        named = step.over is not None or len(step.makes) > 1 or self._uses[step.makes[0]] > 1
        if named or (step is not self._end and any(number in self._names for number in step.dead)):
            self._write(len(self._waiting))

    def _taken(self, step: Step, read: list[int]) -> int:
        """From which on the waiting calls are written into this one: the last ones, in the order it reads them."""
        first, end = len(self._waiting), len(read)
        while first:
            (number, *_) = self._waiting[first - 1][0].makes
            if number not in read[:end] or self._last.get(number) is not step:
                break
            end = read.index(number)
            first -= 1
        return first

    def _write(self, count: int) -> None:
        """Write so many of the waiting calls as statements."""
        for step, text in self._waiting[:count]:
            if step.over is not None:
                self._names[step.makes[0]] = self._names[step.over]
            gone = [name for name in map(self._let_go, step.dead) if name]
            for name in gone:
                heappush(self._free, name)
            if step.over is None:
                targets = [self._name(number) for number in step.makes]
                gone = [name for name in gone if name not in targets]
                text = f"{', '.join(targets)} = {text}"
            self.statements.append(text)
            if gone:
                self.statements.append(f"del {', '.join(gone)}")
        del self._waiting[:count]

    def _let_go(self, number: int) -> str:
        """The name that nothing has any longer, if there is one."""
        name = self._names.pop(number, "")
        return "" if name in self._names.values() else name

    def _name(self, number: int) -> str:
        if self._free:
            name = heappop(self._free)
        else:
            name = f"y{self._made or ''}"
            self._made += 1
        self._names[number] = name
        return name


def _read(text: str) -> list[int]:
    """The tensors that a call reads, in the order they stand."""
    return [int(number) for number in MARK.findall(text)]


def _filled(text: str, names: Mapping[int, str]) -> str:
    """A call with its tensors written in, in brackets where they would fall apart."""

    def fill(match: re.Match[str]) -> str:
        inside = names[int(match[1])]
        before, after = text[: match.start()], text[match.end() :]
        alone = (not before or before[-1] in "([=" or before.endswith(", ")) and (not after or after[0] in ",)]")
        return inside if alone or _is_term(inside) else f"({inside})"

    return MARK.sub(fill, text)


def _is_term(text: str) -> bool:
    """Whether a call binds as closely as a name does: no operator stands outside its brackets."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if not depth and (letter == " " or (letter == "-" and not at)):
            return False
    return True
