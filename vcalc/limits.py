"""The bounds that keep a stranger's spec from hanging or filling the machine.

They are far above what any published network needs; docs/limits.md lists them from here.
"""

FILE_BYTES = 1_000_000
"""A larger file is refused unread."""

YAML_NODES = 200_000
"""Scalars, lists and mappings in one file."""

YAML_DEPTH = 60
"""Lists and mappings inside one another."""

EXPRESSION_LENGTH = 500
"""Characters of one expression."""

EXPRESSION_DEPTH = 40
"""Operations inside one another in one expression."""

NUMBER_BITS = 256
"""Size of any whole number that an expression gives."""

SYMBOLIC_OPERATIONS = 2_000
"""Operations in any one formula of a symbolic run."""

STEPS = 1_000_000
"""Steps carried out while a spec is expanded, turns of empty loops included."""

LAYERS = 250_000
"""Layers of one expanded network."""

NESTING = 60
"""Blocks, loops and branches inside one another while a spec is expanded."""
