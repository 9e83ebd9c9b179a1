"""The layer kinds, one family a file. Importing this package makes `KINDS` complete."""

from vcalc.layers import (
    activation,
    attention,
    conv,
    heads,
    linear,
    merge,
    norm,
    partition,
    pool,
    pooling_attention,
    recurrent,
    sampling,
    scan,
    shape,
    tables,
    tokens,
)
from vcalc.layers.base import KINDS, Layer, kinds
from vcalc.layers.fields import Field
from vcalc.layers.vocabulary import BUFFERS, FORMS, PRIMITIVES, ROLES, SPECIAL, STANDS_FOR, WAYS

__all__ = [
    "BUFFERS",
    "FORMS",
    "KINDS",
    "PRIMITIVES",
    "ROLES",
    "SPECIAL",
    "STANDS_FOR",
    "WAYS",
    "Field",
    "Layer",
    "kinds",
]

FAMILIES = (
    conv,
    pool,
    linear,
    norm,
    activation,
    attention,
    heads,
    pooling_attention,
    recurrent,
    sampling,
    scan,
    tokens,
    shape,
    partition,
    merge,
    tables,
)
