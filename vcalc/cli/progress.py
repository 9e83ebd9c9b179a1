"""A sign of life from what takes its time: a bar on the terminal, and nothing where standard error is none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def progress(items: Sequence[T], doing: str) -> Iterable[T]:
    """The items; while they are gone through, how many are done is shown on a terminal."""
    return _shown(items, doing) if sys.stderr.isatty() else items


def _shown(items: Sequence[T], doing: str) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import track

    yield from track(items, doing, console=Console(stderr=True), transient=True)
