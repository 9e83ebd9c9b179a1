"""The bounds that keep a stranger's spec from hanging or filling the machine.

They are far above what any published network needs; docs/limits.md lists them from here.
"""

FILE_BYTES = 1_000_000
"""A larger file is refused unread."""

YAML_NODES = 200_000
"""Scalars, lists and mappings in one file."""

YAML_DEPTH = 60
"""Lists and mappings inside one another."""

PROBLEMS = 50
"""Problems that one run reports."""

NAMES = 500
"""Names that an expression can see: hyperparameters, symbols, blocks, arguments, loop variables."""

EXPRESSION_LENGTH = 500
"""Characters of one expression."""

EXPRESSION_DEPTH = 40
"""Operations inside one another in one expression."""

NUMBER_BITS = 128
"""Bits of any whole number that an expression gives, and of any size of a tensor."""

LIST_ITEMS = 10_000
"""Items of one list, those of the lists in it included."""

SYMBOLIC_OPERATIONS = 120
"""Operations in the formula of any one size."""

SYMBOLIC_TERMS = 200
"""Terms that a formula over symbols, or the sizes of one layer together, come to when multiplied out."""

STEPS = 1_000_000
"""Steps carried out while a spec is expanded, turns of empty loops included."""

OPERATIONS = 10_000_000
"""Operations of all expressions while a spec is expanded; one on symbols counts as a thousand, a new layer of them
as ten thousand."""

LAYERS = 200_000
"""Layers of one expanded network."""

NESTING = 60
"""Blocks, loops and branches inside one another while a spec is expanded; hyperparameters that refer to one another."""

CHECK_SECONDS = 30
"""Seconds that `vcalc check` takes for one file; models and claims that are left then are an error of their own."""

CHECK_FINDINGS = 1000
"""Problems that `vcalc check` finds in one file before it looks no further."""

CHECK_LAYERS = 500_000
"""Layers that the claims, figures and budgets of one file look at together in `vcalc check`."""
