"""Which models of the catalogue a slow test takes: a file's models share one design, and differ in its sizes."""

from __future__ import annotations

from vcalc.spec.find import load, model_names


def of_each_file() -> list[str]:
    """The first and the last model of each file, which are its smallest and largest as a rule."""
    by_file: dict[str, list[str]] = {}
    for name in model_names():
        by_file.setdefault(load(name)[0].file, []).append(name)
    return [name for names in by_file.values() for name in dict.fromkeys((names[0], names[-1]))]
