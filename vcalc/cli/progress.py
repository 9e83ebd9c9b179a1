"""A sign of life from what takes its time: a bar on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


def progress(items: Sequence[T], doing: str) -> Iterator[T]:
    """The items; while they are gone through, how many are done is shown, where standard error is a terminal."""
    with bar(len(items), doing, sys.stderr.isatty()) as advance:
        for item in items:
            yield item
            advance(doing)


@contextmanager
def bar(total: int, doing: str, wanted: bool) -> Iterator[Callable[[str], None]]:
    """What to call with a name for each of so many: it moves the bar, if one is wanted."""
    if not wanted:
        yield lambda name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(doing, total=total)
        yield lambda name: shown.update(task, advance=1, description=name[:40])
