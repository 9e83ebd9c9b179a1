"""Dependencies point one way, and the house stays small enough to walk through."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "vcalc"
ORDER = (
    "limits",
    "errors",
    "foreign",
    "numerals",
    "arithmetic",
    "working",
    "many",
    "symbols",
    "conditions",
    "language",
    "source",
    "units",
    "operators",
    "layers",
    "widths",
    "graph",
    "conventions",
    "devices",
    "spec",
    "analyses",
    "torch_backend",
    "importers",
    "reports",
    "render",
    "api",
    "cli",
)
"""Each part imports parts before it, and its own."""

FILES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if (path.name != "__main__.py" and path.parent != PACKAGE) or path.stem in ORDER
)


def part(module: str) -> str:
    return [*module.split("."), ""][1]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(file):
    own = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    late = {"symbols", "many"}  # SymPy's side is imported where a symbol turns up, from anywhere; so is NumPy's
    for node in ast.walk(ast.parse(file.read_text())):
        modules = []
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("vcalc"):
            modules = [node.module] if node.module != "vcalc" else [f"vcalc.{alias.name}" for alias in node.names]
        for module in modules:
            name = part(module)
            if name in ORDER and name not in late:
                assert ORDER.index(name) <= ORDER.index(own), f"{own} imports {name}"


@pytest.mark.parametrize("heavy", ["sympy", "numpy", "rich", "torch"])
def test_heavy_libraries_are_imported_where_they_are_used(heavy):
    for file in PACKAGE.rglob("*.py"):
        for node in ast.parse(file.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == heavy for name in names):
                late = ("symbols.py", "many.py", "arrays.py", "parts.py")
                assert file.name in late, f"{file.name} imports {heavy} at start-up"


def test_no_spec_text_reaches_python():
    for file in (*(PACKAGE / "spec").glob("*.py"), *(PACKAGE / "language").glob("*.py")):
        called = [
            node.func.id
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
        assert not {"eval", "exec", "compile", "__import__"} & set(called), file.name
