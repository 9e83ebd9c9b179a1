"""Bits and density as a spec or the command line says them, and whom they bear on: all layers, a kind, a path.

What is said of more of the network gives way to what is said of less: all layers, a kind, the first and the last layer
with weights that multiply, a group, a group in it, a layer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import yaml

from vcalc.arithmetic import is_many, is_symbolic
from vcalc.errors import Place, VcalcError, quoted, suggestion
from vcalc.graph import Graph, Node, prefixes
from vcalc.language.expression import can_name
from vcalc.layers import KINDS
from vcalc.layers.base import show
from vcalc.numerals import NumeralError, exactly, is_endless, read
from vcalc.source.read import Source, YamlNode, describe
from vcalc.spec.syntax import Value
from vcalc.widths import MOST_BITS, PLAIN, WIDE, Density, Widths, group_of

ENDS = ("first", "last")
BITS, DENSITY = "bits", "density"
BOTH = ("weight", "activation")
"""What a width alone is of, and a layer's parameters where it has no weights."""

_BITS_HINT = "a whole number from 1 to 64, or W4A8 for weights of 4 and activations of 8"
_DENSITY_HINT = "a share above 0 and up to 1, such as 0.5 or 50%, or 2:4 for two of four"
_TYPE = re.compile(r"(?:u?int|float|fp|bf|bfloat|nf|q)(\d+)", re.IGNORECASE)
_HALF = re.compile(r"([wa])(\d+)", re.IGNORECASE)
_W_A = re.compile(r"[Ww](\d{1,9})[Aa](\d{1,9})")
_N_OF_M = re.compile(r"\d{1,9}\s*:\s*\d{1,9}")


class Said(NamedTuple):
    """One thing that is said: of which layers, of which of their numbers, and what."""

    where: str
    """A kind, a path, first, last; empty for all."""
    role: str
    """One of WIDE, or density; empty for a width alone."""
    value: Any
    """A number or a share; a `Value` of the language until it is worked out."""
    place: Place | None = None

    def checked(self) -> Said:
        """With a value that makes sense. Raises VcalcError for any other."""
        try:
            check = _share if self.role == DENSITY else _bits
            return self._replace(value=check(self.value))
        except VcalcError as error:
            raise (error.at(self.place) if self.place else error) from None


def _bits(value: Any) -> Any:
    if is_symbolic(value):
        return value
    unfit = value.unfit(_is_width) if is_many(value) else [] if _is_width(value) else [value]
    if unfit:
        found = unfit[0] if isinstance(unfit[0], str) else show(unfit[0])
        raise VcalcError(BITS, f"a number has a whole number of bits from 1 to {MOST_BITS}, not {found}")
    return value if is_many(value) else int(value)


def _is_width(value: Any) -> bool:
    number = isinstance(value, (int, float, Fraction)) and not isinstance(value, bool)
    return number and 1 <= value <= MOST_BITS and value % 1 == 0


def _share(value: Any) -> Density:
    if isinstance(value, Density):
        return value
    if is_symbolic(value):
        return Density(value)
    share = exactly(value) if isinstance(value, (int, float, Fraction)) and not isinstance(value, bool) else None
    if share is None or not 0 < share <= 1:
        shown = f"{float(share):.6g}" if share is not None else show(value)
        raise VcalcError(DENSITY, f"density is the share of weights that are not zero, not {shown}", hint=_DENSITY_HINT)
    return Density(share)


def _pattern(text: str) -> Density:
    """`2:4`. Raises VcalcError for more of fewer."""
    kept, of = (int(part) for part in text.split(":"))
    if not 1 <= kept <= of <= MOST_BITS:
        message = f"{quoted(text)} is no pattern of weights that are not zero"
        raise VcalcError(DENSITY, message, hint=f"2:4, up to {MOST_BITS}:{MOST_BITS}")
    return Density(Fraction(kept, of), (of - 1).bit_length(), f"{kept}:{of}")


# From the command line


def bits_given(texts: Iterable[str]) -> list[Said]:
    """What `--bits` says: `8`, `W4A8`, `weight=4`, `conv=4`, `conv.weight=b`, `first=8`, several with commas."""
    said: list[Said] = []
    for name, text in _given("--bits", texts, "--bits 8, or --bits weight=4,activation=8,first=8,last=8"):
        where, dot, role = name.rpartition(".")
        if name in WIDE:
            where, role = "", name
        elif not dot or role not in WIDE:
            where, role = name, ""
        both = _W_A.fullmatch(text)
        if both and role:
            raise VcalcError(BITS, f"{text} is of weights and activations, and {name} is one of them", hint=f"{name}=4")
        values = zip(BOTH, map(int, both.groups()), strict=True) if both else [(role, _width_given(text))]
        said += [Said(where, role, value).checked() for role, value in values]
    return _once("--bits", said)


def density_given(texts: Iterable[str]) -> list[Said]:
    """What `--density` says: `0.5`, `2:4`, `conv=0.5`, `first=1`, several with commas."""
    given = _given("--density", texts, "--density 0.5, or --density 2:4,first=1")
    return _once("--density", [Said(name, DENSITY, _share_given(text)).checked() for name, text in given])


def has_names(said: Iterable[Said]) -> bool:
    """Whether symbols stand for some of what is said."""
    return any(is_symbolic(each.value.share if isinstance(each.value, Density) else each.value) for each in said)


def _given(option: str, texts: Iterable[str], example: str) -> Iterator[tuple[str, str]]:
    for text in texts:
        for part in text.split(","):
            name, equals, value = (each.strip() for each in part.rpartition("="))
            if not value or (equals and not name):
                raise VcalcError("usage", f"{option} {quoted(text)} has an empty part", hint=example)
            yield name, value


def _once(option: str, said: list[Said]) -> list[Said]:
    """Refuse what is said twice."""
    seen = set()
    for each in said:
        if each[:2] in seen:
            of = ".".join(filter(None, each[:2])) or "all layers"
            hint = f"leave one of them out{'' if each[0] or each[1] else '; W4A8 is weights of 4, activations of 8'}"
            raise VcalcError("usage", f"{option} says something of {of} twice", hint=hint)
        seen.add(each[:2])
    return said


def _width_given(text: str) -> Any:
    """A number of bits, or a symbol. Raises VcalcError for a dtype, which is taken for no symbol."""
    _check_no_type(text)
    if can_name(text) and not is_endless(text):
        from vcalc import symbols

        return symbols.symbol(text)
    number = _number(text, BITS, f"{quoted(text)} is no number of bits", _BITS_HINT)
    return number if 1 <= number <= MOST_BITS and number.denominator == 1 else text


def _check_no_type(text: str) -> None:
    """Refuse a dtype, and half of W4A8, which would be taken for symbols."""
    named, half = _TYPE.fullmatch(text), _HALF.fullmatch(text)
    if named:
        raise VcalcError(BITS, f"a width is a number of bits, not the type {quoted(text)}", hint=f"write {named[1]}")
    if half:
        role = BOTH[half[1].lower() == "a"]
        message = f"{quoted(text)} is half of a pair such as W4A8"
        raise VcalcError(BITS, message, hint=f"{role}={half[2]} on the command line, {{{role}: {half[2]}}} in a spec")


def _share_given(text: str) -> Any:
    if _N_OF_M.fullmatch(text):
        return _pattern(text)
    if can_name(text) and not is_endless(text):
        from vcalc import symbols

        return Density(symbols.share(text))
    return _percent(text)


def _percent(text: str) -> Fraction:
    """`0.5` or `50%`. Raises VcalcError for anything else."""
    share, message = text.removesuffix("%"), f"{quoted(text)} is no share of weights"
    return _number(share, DENSITY, message, _DENSITY_HINT) / (1 if share == text else 100)


def _number(text: str, code: str, message: str, hint: str) -> Fraction:
    try:
        return read(text).number
    except NumeralError as error:
        raise error.error(code, message, hint) from None


# From a spec


class WidthReader:
    """Reads `bits` and `density` of a file; a width is an expression over the hyperparameters."""

    def __init__(self, source: Source, names: Container[str], value: Callable[[YamlNode], Value]) -> None:
        self.source = source
        self.names = names
        self.value = value

    def bits(self, node: YamlNode | None) -> list[Said]:
        """A width, or widths by what has them."""
        if node is None or isinstance(node, yaml.ScalarNode):
            return [] if node is None else self.width(node, "", "")
        found: list[Said] = []
        for name, (_, value) in self.source.mapping(node, BITS, f"write bits: 8, or {_BITS_HINT}").items():
            if name in WIDE:
                found += self.width(value, "", name)
            elif isinstance(value, yaml.MappingNode):
                roles = self.source.mapping(value, f"bits of {name}")
                self.source.known_keys(roles, WIDE, f"bits of {name}")
                found += [each for role, (_, width) in roles.items() for each in self.width(width, name, role)]
            else:
                found += self.width(value, name, "")
        return found

    def width(self, node: YamlNode, where: str, role: str) -> list[Said]:
        """One width, or those of weights and activations."""
        place = self.source.place(node)
        if not self.is_value(node, "bits", _BITS_HINT):
            return []
        both = _W_A.fullmatch(node.value)
        if both and not role:
            return [Said(where, each, int(width), place) for each, width in zip(BOTH, both.groups(), strict=True)]
        try:
            if node.value not in self.names:
                _check_no_type(node.value)
        except VcalcError as error:
            self.source.take(error, node)
            return []
        return [Said(where, role, self.value(node), place)]

    def density(self, node: YamlNode | None) -> list[Said]:
        """A share, or shares by what has them."""
        if node is None or isinstance(node, yaml.ScalarNode):
            return [] if node is None else self.share(node, "")
        entries = self.source.mapping(node, DENSITY, "write density: 0.5, or density: {conv: 2:4, first: 1}")
        return [said for name, (_, value) in entries.items() for said in self.share(value, name)]

    def share(self, node: YamlNode, where: str) -> list[Said]:
        if not self.is_value(node, DENSITY, _DENSITY_HINT):
            return []
        text, value = node.value.strip(), None
        try:
            value = _pattern(text) if _N_OF_M.fullmatch(text) else _percent(text) if text.endswith("%") else None
        except VcalcError as error:
            self.source.take(error, node)
            return []
        return [Said(where, DENSITY, value or self.value(node), self.source.place(node))]

    def is_value(self, node: YamlNode, what: str, hint: str) -> bool:
        if isinstance(node, yaml.ScalarNode) and node.value.strip():
            return True
        self.source.report("type", f"{what} needs one value here, not {describe(node)}", node, hint)
        return False


def worked_out(said: Iterable[Said], value: Callable[[Value], Any]) -> list[Said]:
    """What a spec says, with its expressions worked out. Raises VcalcError for what is no width and no share."""
    each = (one._replace(value=value(one.value)) if isinstance(one.value, Value) else one for one in said)
    return [one.checked() for one in each]


# To the layers


def widen(graph: Graph, bits: Iterable[str], density: Iterable[str]) -> None:
    """Note on the graph's layers what `--bits` and `--density` say, in place of what the spec does."""
    for said, what in ((bits_given(bits), BITS), (density_given(density), DENSITY)):
        if said:
            assign(graph, said, what)


def assign(graph: Graph, said: list[Said], what: str) -> None:
    """Note on the graph's layers the bits, or the density, that are said of them, in place of any said before.

    Raises VcalcError for a name that is no layer's, no group's and no kind's, and for layers on which it cannot bear.
    """
    layers = _Layers(graph, what)
    found: dict[int, dict[str, Any]] = {node.index: {} for node in graph.nodes}
    for one in sorted(said, key=lambda one: (*layers.rank(one.where), bool(one.role))):
        try:
            nodes = layers.named(one.where)
        except VcalcError as error:
            raise (error.at(one.place) if one.place else error) from None
        for node in nodes:
            for role in layers.roles(node, one):
                found[node.index][role] = one.value
    other = DENSITY if what == BITS else None
    for node in graph.nodes:
        kept = Widths(density=node.widths.density) if other else node.widths._replace(density=None)
        widths = kept._replace(**found[node.index])
        node.widths = widths if said or widths != PLAIN else PLAIN
    if what == BITS:
        _agree(graph)
    graph.says_widths = any(node.widths is not PLAIN for node in graph.nodes)


def _agree(graph: Graph) -> None:
    """Give a table and the weights that are tied to it one width: the table's where it is said, else the weights'."""
    for node in graph.nodes:
        if node.tied is None:
            continue
        table = graph.nodes[graph.owner(graph.nodes[node.tied])]
        group = group_of(next(iter(table.facts.held[0])))
        said = getattr(table.widths, group)
        if said is not None:
            node.widths = node.widths._replace(weight=said)
        elif node.widths.weight is not None:
            table.widths = table.widths._replace(**{group: node.widths.weight})


class _Layers:
    """The layers of a graph by what can be said of them."""

    def __init__(self, graph: Graph, what: str) -> None:
        self.graph = graph
        self.what = what
        self.paths: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for path in prefixes(node.path):
                self.paths.setdefault(path, []).append(node)
        self.multiply = [node for node in graph.nodes if self.has_weights(node) and "multiply_adds" in node.facts.work]
        """Those with weights that multiply."""

    def has_weights(self, node: Node) -> bool:
        return "weight" in node.facts.held[0]

    def bears(self, node: Node) -> bool:
        """Whether bits, or a density, bear on a layer."""
        if self.what == DENSITY:
            return node in self.multiply
        work = node.facts.work
        return bool(node.facts.held[0]) or "multiply_adds" in work or "product_multiply_adds" in work

    def rank(self, where: str) -> tuple[int, int]:
        """How much of the network is meant: what is less comes later."""
        if not where or where in KINDS:
            return (1 if where else 0), 0
        return (2, 0) if where in ENDS else (3, where.count("/"))

    def named(self, where: str) -> list[Node]:
        """The layers that are meant, and all others that have the same parameters. Raises VcalcError for none."""
        if not where:
            return self.graph.nodes
        if where in ENDS:
            if not self.multiply:
                message = f"there is no {where} layer with weights that multiply"
                raise VcalcError(self.what, message, hint="leave it out")
            nodes = [self.multiply[0 if where == "first" else -1]]
        elif where in KINDS:
            nodes = [node for node in self.graph.nodes if node.kind == where]
        else:
            nodes = self.paths.get(where, [])
            if not nodes:
                raise self.unknown(where)
        if nodes and not any(map(self.bears, nodes)):
            lacks = "weights that multiply" if self.what == DENSITY else "parameters and multiplies nothing"
            hint = f"these have: {', '.join(self.kinds)}" if self.kinds else "leave it out"
            raise VcalcError(self.what, f"{where} has no {lacks}: it has no {self.what}", hint=hint)
        owners = {self.graph.owner(node) for node in nodes}
        return [node for node in self.graph.nodes if self.graph.owner(node) in owners]

    @property
    def kinds(self) -> list[str]:
        """The kinds of layers on which it bears."""
        return [*dict.fromkeys(node.kind for node in self.graph.nodes if self.bears(node))]

    def unknown(self, where: str) -> VcalcError:
        known = [*(WIDE if self.what == BITS else ()), *ENDS, *self.kinds, *self.paths]
        message, of = f"there is no layer kind, layer or group {quoted(where)}", where.rpartition(".")
        if self.what == BITS and of[0] in (*self.kinds, *ENDS, *self.paths):
            return VcalcError(
                BITS, f"{of[0]} has no {quoted(of[2])} to be wide", hint=suggestion(of[2], WIDE, "it has")
            )
        return VcalcError(self.what, message, hint=suggestion(where, known, "there are"))

    def roles(self, node: Node, said: Said) -> Iterable[str]:
        """Which of a layer's numbers are meant."""
        if said.role == DENSITY:
            return (DENSITY,) if node in self.multiply and node.tied is None else ()
        if said.role:
            return (said.role,)
        if said.where in (node.kind, node.path) and not self.has_weights(node):
            return (*BOTH, *map(group_of, node.facts.held[0]))
        return BOTH
