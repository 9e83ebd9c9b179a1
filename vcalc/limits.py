"""The bounds that keep a stranger's spec from hanging or filling the machine.

They are far above what any published network needs; docs/limits.md lists them from here.
"""

FILE_BYTES = 500_000
"""A larger file is refused unread."""

YAML_NODES = 50_000
"""Scalars, lists and mappings in one file."""

YAML_DEPTH = 60
"""Lists and mappings inside one another."""

PROBLEMS = 50
"""Problems that one run reports."""

NAME_LENGTH = 60
"""Characters of a name."""

NAMES = 500
"""Names that an expression can see: hyperparameters, symbols, blocks, arguments, loop variables."""

FILE_OPERATIONS = 30_000
"""Operations of all expressions of one file, as they are written."""

EXPRESSION_LENGTH = 500
"""Characters of one expression."""

EXPRESSION_DEPTH = 40
"""Operations inside one another in one expression."""

PATTERN_LENGTH = 200
"""Characters of a pattern that says how elements are rearranged."""

NUMBER_BITS = 128
"""Bits of any whole number that an expression gives, of both parts of a fraction, and of any size of a tensor."""

LIST_ITEMS = 10_000
"""Items of one list, those of the lists in it included; tensors of one list."""

SYMBOLIC_OPERATIONS = 120
"""Operations in the formula of any one size."""

SYMBOLIC_POWER = 16
"""The power that a symbol is raised to."""

SYMBOLIC_ROOTS = 3
"""Roots, broken powers and logarithms inside one another, in a number that meets a symbol."""

SYMBOLIC_TERMS = 200
"""Terms that a formula over symbols, or the sizes of one layer together, come to when multiplied out."""

RATIO_OPERATIONS = 300
"""Operations in a quotient of two formulas that is still simplified."""

FIGURE_DIGITS = 40
"""Digits of a printed figure, before or after its point, zeros of its exponent and its letter among them."""

INPUTS = 16
"""Inputs of one network: each layer has a receptive field in each of them."""

STEPS = 200_000
"""Steps carried out while a spec is expanded: each layer, each turn of a loop, each branch of a join; a block
that is called counts as two."""

OPERATIONS = 10_000_000
"""Operations of all expressions while a spec is expanded; one on symbols counts as a thousand, one on decimals as
ten and as 50 more where it is unlike all before it (150 on roots and logarithms; a root itself 250, a logarithm 500, a
broken power a thousand), a layer unlike all before it as four hundred; in a network with symbols each layer as a
thousand, and one unlike all before it as ten thousand and a thousand more for each term of its sizes; a new size that a
stride leaves rounded as 150 thousand, a new root or logarithm that meets a symbol as thirty thousand."""

LAYERS = 100_000
"""Layers of one expanded network."""

RECORDED = 1_000_000
"""Operators that one run of a torch module calls, before it is taken for one without an end."""

UNROLLED = 10_000
"""Steps that the cells of a recurrent layer are run on paper for; all cells of one that is an operator count as one."""

NESTING = 60
"""Blocks, loops and branches inside one another while a spec is expanded; hyperparameters that refer to one another."""

BUDGET_LENGTH = 200
"""Characters of a budget, or of the name of an expected figure."""

IGNORE_LENGTH = 500
"""Characters between the brackets of one `# vcalc: ignore[...]`."""

CHECK_FINDINGS = 1000
"""Problems that `vcalc check` finds in one file before it looks no further."""

CHECK_WORK = 3_000_000
"""Layers that the claims, figures and budgets of one file look at together, once for each part that is named; each
question counts as fifty more, a layer that is walked through for a receptive field or a depth as ten, one unlike the
others under each convention as twenty, with symbols as thousands."""

WHY_WORK = 620_000
"""Layers unlike the others, once for each convention that counts them and each group around them, that `vcalc why`
tries a number on before it tries nothing more; a layer that is built counts as two, and as eight if it is unlike the
others, one that is run on paper for its memory as five."""

DIFF_LAYERS = 10_000
"""Layers of each network that `vcalc diff` compares."""

DIFF_PAIRS = 1_500_000
"""Pairs of layers that `vcalc diff` holds against each other where the networks differ; after that, layers are paired
by path alone."""

GIT_SECONDS = 20
"""Seconds that `vcalc diff --against` waits for git, each time that it asks."""
