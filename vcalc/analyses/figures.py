"""What a spec itself says its networks come to: `expect:`, exact figures, and `budget:`, bounds."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from vcalc import conventions
from vcalc.analyses.measure import METRICS
from vcalc.analyses.quantities import Budget, Quantity, read_budget, read_quantity
from vcalc.arithmetic import is_symbolic
from vcalc.errors import Place, VcalcError, quoted, suggestion
from vcalc.language.values import is_number
from vcalc.numerals import NumeralError, exactly, read
from vcalc.source.keys import TEXT, Found, Pairs, Placed, Schema, Several, Type
from vcalc.source.read import Source, YamlNode, describe, is_null
from vcalc.spec.network import Network
from vcalc.spec.syntax import ModelEntry, Option, Spec
from vcalc.units import exact

_IS_NUMBER = re.compile(r"[+-]?[0-9.][0-9.,_]*\s*[KMGBT%]?", re.IGNORECASE)
"""What is meant as a number, and no formula."""


class Expected(NamedTuple):
    """An exact figure of one model or option (any, where no name is given)."""

    name: str
    quantity: Quantity
    written: str | tuple[str, ...]
    place: Place

    def problem(self, network: Network) -> VcalcError | None:
        """What is wrong where the network comes to something else. Raises VcalcError where that cannot be told."""
        value = self.quantity.of_network(network)
        if _equal(self.written, value, network):
            return None
        found = " x ".join(map(exact, value)) if isinstance(value, list) else exact(value)
        wanted = " x ".join(self.written) if isinstance(self.written, tuple) else self.written
        message = f"{self.quantity.says(network)} is {found}, not {wanted} as expected"
        return VcalcError("expect", message, hint="where the change is meant, vcalc check --accept writes it down")


class Bound(NamedTuple):
    """A budget of one model or option (of each, where no name is given), with its place."""

    name: str
    budget: Budget
    place: Place


class Exact(Type):
    """An exact figure, a formula, or a list of figures, as it is written."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        try:
            return figure_of(node)
        except VcalcError as error:
            return source.take(error, node)

    def schema(self) -> Schema:
        return {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}


def figure_of(node: YamlNode) -> str | tuple[str, ...]:
    """The figure of a node. Raises VcalcError where it is none."""
    if isinstance(node, yaml.ScalarNode) and node.value.strip() and not is_null(node):
        return _checked(str(node.value).strip())
    if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
        return tuple(str(figure_of(item)) for item in node.value)
    raise VcalcError(
        "expect", f"an exact figure is needed here, not {describe(node)}", hint='61100840, or "61,100,840"'
    )


def _checked(text: str) -> str:
    """A number that is exact, or a formula, as it is written."""
    if _IS_NUMBER.fullmatch(text):
        try:
            read(text)
        except NumeralError as error:
            hint = '61100840, or "61,100,840"'
            raise error.error("expect", f"{quoted(text)} is no exact figure", hint) from None
    return text


class Sentence(Type):
    """A bound in words: `params <= 5M`."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        if pairs and all(_is_pair(str(key.value), value) for key, value in pairs):
            hint = f"write {' and '.join(f'{key.value} <= {value.value}' for key, value in pairs[:2])}"
            return source.report("budget", _NO_SENTENCE, node, hint)
        return Found(lambda text: read_budget(text, conventions.load)).read(source, node, what)

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1}


_NO_SENTENCE = "a budget says which way it bounds"


def _is_pair(metric: str, value: YamlNode) -> bool:
    """Whether something is bounded as `params: 5M`: a metric, and a figure alone."""
    return metric in METRICS and isinstance(value, yaml.ScalarNode) and not re.search("[<>=]", value.value)


_EXAMPLE = "expect: {params: 61100840}"
_QUANTITY = Placed(Found(lambda text: read_quantity(text, conventions.load)))
_FIGURES = Pairs(Exact(), _EXAMPLE, names=_QUANTITY)
_BOUNDS = Several(Placed(Sentence()), or_one=True, item="a budget")


def expected_of(spec: Spec) -> list[Expected]:
    """The exact figures under `expect`. Problems among them are noted in the spec's source."""
    if spec.expect is None:
        return []
    names, source = names_of(spec), spec.source
    found = []
    for key, (key_node, value) in source.mapping(spec.expect, "expect", _EXAMPLE).items():
        if isinstance(value, yaml.MappingNode) and key not in names:
            _unknown(source, key, key_node, names)
        elif isinstance(value, yaml.MappingNode):
            figures = _FIGURES.read(source, value, "expect")
            found += [Expected(key, quantity, figure, place) for (quantity, place), figure in figures]
        elif len(names) > 1:
            message = f"this file has several: of which is {quoted(key)} expected?"
            source.report("expect", message, key_node, f"expect: {{{names[0]}: {{params: …}}}}")
        else:
            quantity, figure = _QUANTITY.read(source, key_node, key), Exact().read(source, value, key)
            found += [Expected("", quantity[0], figure, quantity[1])] if quantity and figure is not None else []
    return found


def budgets_of(spec: Spec) -> list[Bound]:
    """The bounds under `budget`. Problems among them are noted in the spec's source."""
    if spec.budget is None:
        return []
    names, source = names_of(spec), spec.source
    if not isinstance(spec.budget, yaml.MappingNode):
        return [Bound("", *bound) for bound in _BOUNDS.read(source, spec.budget, "budget")]
    found = []
    for key, (key_node, value) in source.mapping(spec.budget, "budget").items():
        if key in names:
            found += [Bound(key, *bound) for bound in _BOUNDS.read(source, value, "budget")]
        elif _is_pair(key, value):
            source.report("budget", _NO_SENTENCE, key_node, f"budget: [{key} <= {value.value}]")
        else:
            _unknown(source, key, key_node, names)
    return found


def expect_schema() -> Schema:
    """The JSON Schema of `expect`: figures, or figures by model."""
    return {"type": ["object", "null"], "additionalProperties": {"anyOf": [Exact().schema(), _FIGURES.schema()]}}


def budget_schema() -> Schema:
    """The JSON Schema of `budget`: bounds, or bounds by model."""
    return {"anyOf": [_BOUNDS.schema(), {"type": "object", "additionalProperties": _BOUNDS.schema()}]}


def names_of(spec: Spec) -> list[str]:
    """The models of a file, or the options of a comparison of blocks."""
    return list(spec.options) if spec.options and not spec.has_models else [*spec.models, *spec.options]


def networks_of(spec: Spec) -> list[tuple[str, ModelEntry, Option | None]]:
    """What a file describes: its models, and the options of a comparison, each as (name, model, option)."""
    found: list[tuple[str, ModelEntry, Option | None]] = []
    if spec.has_models or not spec.options:
        found += [(entry.name, entry, None) for entry in spec.models.values()]
    first = next(iter(spec.models.values()))
    return found + [(option.name, first, option) for option in spec.options.values()]


def _unknown(source: Source, name: str, node: YamlNode, names: list[str]) -> None:
    source.report("unknown-model", f"this file has no model {quoted(name)}", node, suggestion(name, names, "it has"))


def _equal(written: str | tuple[str, ...], value: Any, network: Network) -> bool:
    if isinstance(written, tuple) or isinstance(value, (list, tuple)):
        both = isinstance(written, tuple) and isinstance(value, (list, tuple)) and len(written) == len(value)
        return both and all(_equal(a, b, network) for a, b in zip(written, value, strict=True))
    if _IS_NUMBER.fullmatch(written):
        number = read(written).number
        whole = number.numerator if number.denominator == 1 else number
        return bool((exactly(value) if isinstance(value, float) else value) == whole)
    if is_symbolic(value):
        return _same_formula(written, value, network)
    return written == exact(value)


def _same_formula(written: str, value: Any, network: Network) -> bool:
    """Whether a formula is the one that is written, worked out within the bounds of an expansion. Raises VcalcError."""
    from vcalc import symbols
    from vcalc.language.expression import parse
    from vcalc.spec.build import Budget as Operations

    formula = Operations().value(parse(written), dict(network.symbols))
    return is_number(formula) and bool(symbols.decide("==", value, formula))
