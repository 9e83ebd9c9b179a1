"""Which cases the default suite takes where there are many alike: the others are slow, and CI runs them all.

And what takes long and many tests look at: the verdicts of the catalogue's claims, judged once in a process.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest

from vcalc.analyses.claims import Verdict, judge_all
from vcalc.spec.find import catalogue_files, claim_files, find, load_file, model_names


def of_each_file() -> list[str]:
    """The first and the last model of each file, as a rule its smallest and largest: they share one design."""
    by_file: dict[str, list[str]] = {}
    for name in model_names():
        by_file.setdefault(find(name)[0], []).append(name)
    return [name for names in by_file.values() for name in dict.fromkeys((names[0], names[-1]))]


def one_in(every: int, values: Iterable[Any]) -> list[Any]:
    """The values as parameters of a test, tuples as several; one in `every` is in the default suite, the first too."""
    return [
        pytest.param(
            *(value if isinstance(value, tuple) else (value,)), marks=() if index % every == 0 else pytest.mark.slow
        )
        for index, value in enumerate(values)
    ]


def whole_in(every: int, values: Iterable[Any]) -> list[Any]:
    """The same of values of which each is one parameter, a tuple, too."""
    return one_in(every, ((value,) for value in values))


@cache
def judged(*names: str) -> list[Verdict]:
    """The verdicts of what is claimed of these models, or of everything that the catalogue claims."""
    files, wanted = claim_files(names) if names else (catalogue_files(), None)
    return judge_all(map(load_file, files), wanted)
