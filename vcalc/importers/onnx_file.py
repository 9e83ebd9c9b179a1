"""An ONNX file as a recording: its nodes are steps, its shapes inferred, its weights never looked at.

Only `onnx` is needed, and no file but the one that is named is opened: weights beside it are not.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache
from math import prod
from typing import Any

from vcalc.errors import VcalcError, printable, quoted
from vcalc.importers.onnx_shapes import completed
from vcalc.importers.recording import Recording, Step, Tensor
from vcalc.importers.tables import onnx as table
from vcalc.torch_backend import needed
from vcalc.torch_backend.watch import in_a_line

MOST_BYTES = 2**31
"""A protobuf is not longer."""
MOST_NODES = 500_000
"""A file is read no further."""
_WEIGHTS_KEPT = 4_096
"""Bytes of a constant that shapes may be worked out of; weights are longer and are let go."""

_BATCH = ("n", "b", "batch", "batch_size", "batchsize")
"""What exporters call the batch."""

Sizes = tuple[int, ...]


@cache
def _names() -> dict[str, str]:
    return {theirs: ours for ours, names in table()["names"].items() for theirs in names}


def read(path: str, shapes: Iterable[str] = ()) -> Recording:
    """What an ONNX file holds, one image each where the batch is open.

    `shapes` bind open sizes: `3x224x224`, or by name `image=3x224x224`, without the batch. Raises VcalcError for what
    is no ONNX file, for sizes that stay open, and for those that do not fit.
    """
    if not os.path.isfile(path):
        raise VcalcError("import", f"there is no file {quoted(printable(path))}")
    onnx = needed("onnx", f"reading {printable(path)}")
    for part in ("inliner", "reference", "shape_inference"):
        needed(f"onnx.{part}")
    model = _loaded(onnx, path)
    graph = model.graph
    _bind(graph, [*shapes], path)
    return _Reader(onnx, completed(onnx, model, path).graph).recording


def _loaded(onnx: Any, path: str) -> Any:
    """The model without its weights, its own functions written out."""
    if os.path.getsize(path) >= MOST_BYTES:
        raise VcalcError("import", f"{printable(path)} is longer than a protobuf can be", hint="keep weights beside it")
    try:
        model = onnx.load(path, load_external_data=False)
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
    except Exception as error:  # noqa: BLE001  # whatever the library raises
        raise VcalcError("import", f"{printable(path)} is no ONNX file: {printable(in_a_line(error))}") from None
    _check(model.graph, path)
    for tensor in model.graph.initializer:
        _let_go(tensor)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                _let_go(attribute.t)
    return model


def _check(graph: Any, path: str) -> None:
    """Refuse what no reader should go through: names that are no text, sizes below 0, more nodes than a network has."""
    if not graph.node:
        raise VcalcError("import", f"{printable(path)} holds no network")
    if len(graph.node) > MOST_NODES:
        raise VcalcError("import", f"{printable(path)} has {len(graph.node):,} nodes; at most {MOST_NODES:,} are read")
    names = [each.name for each in (*graph.initializer, *graph.input, *graph.output, *graph.value_info)]
    for node in graph.node:
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [text for each in node.metadata_props for text in (each.key, each.value)]
        names += [each.name for each in node.attribute]
    if not all(isinstance(name, str) for name in names):
        raise VcalcError("import", f"{printable(path)} is no ONNX file: a name in it is no text")
    if not all(len(node.output) for node in graph.node):
        raise VcalcError("import", f"{printable(path)} is no ONNX file: a node in it makes nothing")
    if any(size < 0 for tensor in graph.initializer for size in tensor.dims):
        raise VcalcError("import", f"{printable(path)} is no ONNX file: a weight has a size below 0")


def _let_go(tensor: Any) -> None:
    """Forget the elements of a weight: what is left are its sizes."""
    if len(tensor.raw_data) > _WEIGHTS_KEPT:
        tensor.ClearField("raw_data")
    for name in ("float_data", "double_data", "int32_data", "int64_data", "uint64_data"):
        if len(getattr(tensor, name)) > _WEIGHTS_KEPT // 8:
            tensor.ClearField(name)


def _bind(graph: Any, shapes: list[str], path: str) -> None:
    """Put sizes in place of those that are open: the batch is one image. Raises VcalcError where some stay open."""
    held = {tensor.name for tensor in graph.initializer}
    inputs = [each for each in graph.input if each.name not in held]
    placed = iter([text for text in shapes if "=" not in text])
    named = dict(text.split("=", 1) for text in shapes if "=" in text)
    for each in inputs:
        dims = each.type.tensor_type.shape.dim
        text = named.pop(each.name, None) or next(placed, "")
        sizes = [int(size) for size in text.replace(",", "x").split("x")] if text.replace("x", "").isdigit() else []
        if sizes and len(sizes) != len(dims) - 1:
            message = f"{printable(path)}: the input {quoted(each.name)} has {len(dims) - 1} sizes behind its batch"
            raise VcalcError("import", message, hint=f"--input {each.name}=3x224x224, with as many")
        for dim, size in zip(dims, [0, *sizes] if sizes else [0] * len(dims), strict=True):
            if not dim.dim_value and (dim is dims[0] or dim.dim_param.lower() in _BATCH):
                dim.dim_value = 1
            elif size:
                if dim.dim_value not in (0, size):
                    message = f"{printable(path)}: the input {quoted(each.name)} is {dim.dim_value} there, not {size}"
                    raise VcalcError("import", message, hint="only sizes that are open can be given")
                dim.dim_value = size
        if any(not dim.dim_value for dim in dims):
            said = "x".join(str(dim.dim_value or dim.dim_param or "?") for dim in dims[1:])
            message = f"{printable(path)}: the input {quoted(each.name)} is open: {said}"
            raise VcalcError("import", message, hint=f"give its sizes: --input {each.name}=3x224x224")
    if beyond := next(placed, ""):
        message = f"{printable(path)} has {len(inputs)} inputs, and none is left for {quoted(printable(beyond[:80]))}"
        raise VcalcError("import", message, hint="--input takes the sizes of each, without its batch")
    if named:
        known = " and ".join(each.name for each in inputs)
        raise VcalcError(
            "import", f"{printable(path)} has no input {quoted(next(iter(named)))}", hint=f"it has {known}"
        )


class _Reader:
    """Goes through the nodes of a graph in their order, which is the one in which they run."""

    def __init__(self, onnx: Any, graph: Any) -> None:
        self._onnx = onnx
        self._graph = graph
        self._steps: list[Step] = []
        self._shapes = {each.name: _sizes(each) for each in (*graph.value_info, *graph.input, *graph.output)}
        self._known: dict[str, Tensor] = {}
        self._small: dict[str, Any] = {}
        """Constants that are short enough to be looked at: axes, scales."""
        self._parameters: dict[str, int] = {}
        self._hold([*graph.initializer, *_within(graph)])
        inputs = [each.name for each in graph.input if each.name not in self._known]
        for number, name in enumerate(inputs):
            self._known[name] = Tensor(self._shapes[name] or (), True, (), -1 - number)
        self._read_by = self._readers()
        self._done: set[int] = set()
        for place, node in enumerate(graph.node):
            if place not in self._done:
                self._add(place, node)
        outputs = [self._known[each.name] for each in graph.output if each.name in self._known]
        known = {name: self._known[name].shape for name in inputs}
        statistics = {name: count for name, count in self._parameters.items() if name in self._statistics and count}
        weights = {name: count for name, count in self._parameters.items() if name not in statistics}
        self.recording = Recording(self._steps, known, outputs, weights, statistics, frozenset(), "")

    @property
    def _statistics(self) -> set[str]:
        """The means and variances of batch norms, which are no parameters."""
        return {name for node in self._graph.node if node.op_type == "BatchNormalization" for name in node.input[3:5]}

    def _readers(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place, node in enumerate(self._graph.node):
            for name in node.input:
                found.setdefault(name, []).append(place)
        for each in self._graph.output:
            found.setdefault(each.name, []).append(-1)
        return found

    def _hold(self, tensors: Iterable[Any]) -> None:
        settings = {
            name
            for node in self._graph.node
            for place, name in enumerate(node.input)
            if place in table()["settings"].get(node.op_type, ())
        }
        initial = {tensor.name for tensor in self._graph.initializer}
        biases = {node.input[8] for node in self._graph.node if node.op_type == "QLinearConv" and len(node.input) > 8}
        for tensor in tensors:
            sizes = tuple(tensor.dims)
            weighs = tensor.data_type in _floating(self._onnx) or tensor.name in biases
            is_one = (
                prod(sizes) == 1 and tensor.name not in initial
            )  # a factor or a bound that the code has as a number
            floating = bool(sizes) and weighs and tensor.name not in settings and not is_one
            self._parameters |= {tensor.name: prod(sizes)} if floating else {}
            self._known[tensor.name] = Tensor(sizes, False, (tensor.name,) if floating else (), None)
            self._keep(tensor.name, tensor)

    def _keep(self, name: str, tensor: Any) -> None:
        external = tensor.data_location == self._onnx.TensorProto.EXTERNAL
        if not external and prod(tensor.dims) <= 64:
            try:
                self._small[name] = self._onnx.numpy_helper.to_array(tensor)
            except Exception:  # noqa: BLE001  # what cannot be read is not known
                return

    def _add(self, place: int, node: Any) -> None:
        made = [name for name in node.output if name]
        shapes = [self._shapes.get(name) for name in made]
        given = [self._known.get(name) for name in node.input]
        read = [each for each in given if each is not None]
        batched = any(each.batched for each in read)
        kind = node.op_type
        if kind == "Constant" and made[0] in self._known:
            return
        if kind in table()["views"] or (not batched and kind in table()["copies"]):
            parameters = tuple(dict.fromkeys(each for tensor in read for each in tensor.parameters))
            source = next((each.source for each in read), None)
            for name, shape in zip(made, shapes, strict=True):
                self._known[name] = Tensor(shape or (), batched, parameters, source)
            return
        for step in self._stepped(place, node, given, shapes):
            source = len(self._steps)
            made_now = tuple(Tensor(shape or (), batched, (), source) for shape in shapes)
            self._steps.append(step._replace(made=step.made or made_now))
        for name, shape in zip(made, shapes, strict=True):
            self._known[name] = Tensor(shape or (), batched, (), len(self._steps) - 1)
        self._end_fused(node)

    def _end_fused(self, node: Any) -> None:
        """What a bias that was taken with a product makes is what the product makes."""
        for place in self._read_by.get(node.output[0], []):
            if place in self._done:
                self._known[self._graph.node[place].output[0]] = self._known[node.output[0]]

    def _stepped(self, place: int, node: Any, given: list[Tensor | None], shapes: list[Sizes | None]) -> Iterator[Step]:
        from vcalc.importers import onnx_nodes

        path = _path(node)
        attributes = {each.name: self._onnx.helper.get_attribute_value(each) for each in node.attribute}
        values = [self._small.get(name) for name in node.input]
        unknown = None in shapes[:1] or (node.op_type in onnx_nodes.READS_SHAPES and _open(given))
        call = onnx_nodes.Call(node.op_type, attributes, given, values, shapes)
        if node.op_type == "MatMul" and not unknown:
            call = call._replace(bias=self._bias(node, given))
        try:
            found = None if unknown else onnx_nodes.translated(call)
        except (AssertionError, ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError):
            found = None  # a node that does not fit its kind: seen, and not weighed
        if found is None:
            name = node.op_type if unknown else _names().get(node.op_type) or _plain(node.op_type)
            read = [each for each in given if each is not None]
            found = [(name, {f"input{number}" if number else "input": each for number, each in enumerate(read)})]
        for name, arguments in found:
            yield Step(name, arguments, (), path, "module")

    def _bias(self, node: Any, given: list[Tensor | None]) -> Tensor | None:
        """The bias that alone reads a product with a weight, and is then no addition of its own."""
        readers = self._read_by.get(node.output[0], [])
        if len(readers) != 1 or readers[0] < 0 or len(given) < 2 or given[1] is None:
            return None
        after = self._graph.node[readers[0]]
        if after.op_type != "Add":
            return None
        other = next((name for name in after.input if name != node.output[0]), "")
        bias, weight = self._known.get(other), given[1]
        if bias is None or not bias.parameters or not weight.parameters or bias.shape != weight.shape[-1:]:
            return None
        self._done.add(readers[0])
        return bias


def _within(graph: Any) -> Iterator[Any]:
    """The graph's constants, and the weights of bodies that run on a condition or in a loop, at whatever depth."""
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.HasField("t"):
                held = type(attribute.t)()
                held.CopyFrom(attribute.t)
                held.name = node.output[0]
                yield held
            for body in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from (tensor for tensor in body.initializer)
                yield from _within(body)


def _plain(kind: str) -> str:
    """A name that the tables of torch's operators have, where it is one that nobody counts."""
    if kind in table()["copies"]:
        return "copy"
    return "pow" if kind in table()["not counted"] else kind


def _open(given: list[Tensor | None]) -> bool:
    return any(each is not None and each.batched and 0 in each.shape for each in given)


def _sizes(info: Any) -> Sizes | None:
    """The shape of a value; None where a size is open."""
    tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    sizes = tuple(dim.dim_value for dim in tensor.shape.dim)
    return sizes if all(sizes) else None


@cache
def _floating(onnx: Any) -> frozenset[int]:
    kinds = onnx.TensorProto
    whole = (kinds.INT64, kinds.INT32, kinds.BOOL, kinds.STRING, kinds.UINT64, kinds.INT16, kinds.UINT16, kinds.UINT32)
    return frozenset(set(kinds.DataType.values()) - {0, *whole})


def _path(node: Any) -> str:
    """Where a node stands: exporters write the modules into its name, or into its metadata."""
    for each in node.metadata_props:
        if each.key == "namespace":
            parts = [part.partition(":")[0].strip() for part in each.value.split("/")]
            inner = next((part for part in reversed(parts) if part), "")
            return inner or node.op_type
    name: str = node.name or node.op_type
    return name.strip("/").rpartition("/")[0].replace("/", ".") or name
