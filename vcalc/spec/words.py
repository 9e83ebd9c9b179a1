"""What the words of a list of layers mean, for editors.

`vcalc.spec.steps` says which words there are; the tests hold the two together. `vcalc.spec.top` has the keys of a file.
"""

from __future__ import annotations

from typing import NamedTuple

NAME = "How the tables call it; a name that turns up again in the same group is numbered."


TIED = "The layer whose matrix or table it has: its name, or its path."

SHARED = "Which runs have the same parameters: all, `true`, or those of one value, as in `shared: s`."

FROZEN = "Whether none of its parameters is trained: `true`, or a condition."

CALL = {
    "name": NAME,
    "take": "Tensors handed to the block: their names, or `{its: ours}` where it calls them otherwise: `{skip: x[i]}`.",
    "frozen": FROZEN,
    "save": "Tensors that the block has saved and gives out: their names, or `{ours: its}`: `{x[i]: wide}`.",
}
"""The keys of a block's call beside its arguments."""


class Form(NamedTuple):
    """One way to write an item of a list of layers: what it does, its keys, and which of them it needs."""

    says: str
    keys: dict[str, str]
    required: tuple[str, ...]


_LOOP = {
    "do": "The layers of one turn.",
    "first": "Those of the first turn, where that differs.",
    "index": "A name that counts the turns from 0.",
    "when": "Only the turns for which this condition holds are taken.",
    "shared": "Which turns have the same parameters: all, `true`, or those for which this has one value.",
    "frozen": "Whether no parameter of a turn is trained: `true`, or a condition, as in `frozen: s < 2`.",
    "name": "Makes each turn a group: block1, block2, ...",
}
_WHEN = "A condition: added only where it holds."

FORMS = {
    "repeat": Form("A list of layers, several times.", {"repeat": "How many times.", **_LOOP}, ("do",)),
    "each": Form(
        "A list of layers, once for each item of some lists.",
        {
            "each": "Names, each with the list it goes through; lists of equal length go together. Several names take "
            "the rows of a table apart: `{k, c, s: table}`.",
            **_LOOP,
        },
        ("do",),
    ),
    "if": Form(
        "One list of layers or another.",
        {
            "if": "The condition, over the hyperparameters and the arriving shape: `stride != 1 or C != 4*c`.",
            "then": "The layers where it holds.",
            "else": "The layers where it does not.",
        },
        ("then",),
    ),
    "elif": Form(
        "A further case, right after an item with `if`.",
        {
            "elif": "The condition, asked where those before it do not hold.",
            "then": "The layers where it holds.",
            "else": "The layers where none of the conditions holds.",
        },
        ("then",),
    ),
    "branches": Form(
        "Lists that start from the same tensor, joined.",
        {
            "branches": "Two or more lists of layers, or a mapping that gives them names. A loop among them is a "
            "branch for each turn, a `take` one for each tensor of a list.",
            "join": "How their outputs become one tensor: a word, or a word with its fields.",
            "frozen": FROZEN,
            "name": NAME,
        },
        ("join",),
    ),
    "residual": Form(
        "A list of layers whose output is added to what arrived.",
        {
            "residual": "The layers.",
            "shortcut": "What the arriving tensor goes through before it is added; nothing where it is left out.",
            "when": _WHEN,
            "frozen": FROZEN,
            "name": NAME,
        },
        (),
    ),
    "use": Form(
        "A block or a layer called by the value of a hyperparameter, or another model, of the file or the catalogue.",
        {
            "use": "A block, a model (resnet50), or a hyperparameter that holds one of them or a layer kind.",
            "with": "Arguments of the block, hyperparameters of the model, fields of the layer.",
            "upto": "The named group after which the model ends.",
            "as": "The library whose way of writing the model counts, where a convention depends on it.",
            "take": "Tensors handed to the block, or to a model's inputs: their names, or `{its: ours}`.",
            "save": "Tensors that the block has saved, or a model's outputs: their names, or `{ours: its}`.",
            "frozen": "What of it is not trained: `true` or a condition, or groups of the model: `[stem, stage1]`.",
            "name": NAME,
        },
        (),
    ),
    "save": Form(
        "Names the current tensor, to be taken up later.",
        {"save": "The tensor's name, or a place in a list of that name: `x[i]`."},
        (),
    ),
    "take": Form(
        "Goes on from a tensor saved before, from an input, or from the output of a named group.",
        {
            "take": "The name: `p5`, `backbone/stage2`, `x[i - 1]`. With a join, all tensors of a list: `x`, `x[1:]`, "
            "or several names.",
            "join": "How several become one tensor: a word, or a word with its fields.",
            "name": NAME,
        },
        (),
    ),
    "experts": Form(
        "So many copies of a list, each with parameters of its own; every token goes through some of them.",
        {
            "experts": "How many there are.",
            "active": "How many a token goes through: those with the largest scores.",
            "do": "The layers of one expert, which work on each token by itself.",
            "router": "The layers that give each token a score for every expert; a matrix and a softmax if not said.",
            "normalized": "Whether the weights of a token's experts add up to 1; else they are their scores.",
            "frozen": FROZEN,
            "name": NAME,
        },
        ("active", "do"),
    ),
    "do": Form(
        "A named group.",
        {"do": "Its layers.", "shared": SHARED, "frozen": FROZEN, "name": "The group's name."},
        ("name",),
    ),
    "let": Form("Names bound for the rest of the list.", {"let": "Names with their values."}, ()),
}
"""Every word that makes an item of a list of layers more than a layer; the first one that is there decides."""

BLOCK = {
    "args": "Its arguments: a default each, or nothing for one that a call has to give.",
    "do": "Its layers.",
    "shared": "Which calls have the same parameters: all, `true`, or those of one value; none if not said.",
}

OPTION = {
    "input": "The input's sizes, where this side has its own.",
    "inputs": "The sizes of inputs, by name, where this side has its own.",
    "do": "Its layers.",
}
