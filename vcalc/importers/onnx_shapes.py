"""Shapes of an ONNX graph that its own inference leaves open: those that are worked out from other shapes.

Exporters write a reshape as a dozen nodes on the sizes of a tensor. Here those nodes are carried out one by one.
"""

from __future__ import annotations

from math import prod
from typing import Any

from vcalc.errors import VcalcError, printable
from vcalc.importers.tables import onnx as table
from vcalc.torch_backend.watch import in_a_line

MOST_ELEMENTS = 64
"""A constant is followed no further where it has more: sizes have a few."""
_FUSED = {"FusedConv": "Conv", "FusedGemm": "Gemm", "FusedMatMul": "MatMul"}


def _standard(onnx: Any, node: Any) -> Any:
    """An operator that onnxruntime made of a standard one and an activation, as the standard one."""
    if node.op_type not in _FUSED or any(each.name.startswith("trans") and each.i for each in node.attribute):
        return node
    own = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides", "alpha", "beta")
    made = onnx.helper.make_node(_FUSED[node.op_type], node.input[:3], node.output)
    made.attribute.extend(each for each in node.attribute if each.name in own)
    return made


def completed(onnx: Any, model: Any, path: str) -> Any:
    """The model with the shape of every value that can be known. Raises VcalcError for one that contradicts itself."""
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:  # noqa: BLE001  # whatever the library raises
        hint = "onnx.checker says what is wrong"
        raise VcalcError("import", f"{printable(path)}: {printable(in_a_line(error))}", hint=hint) from None
    known = {each.name for each in (*inferred.graph.value_info, *inferred.graph.output) if _is_known(each.type)}
    if all(name in known for node in inferred.graph.node for name in node.output if name):
        return inferred
    walk = _Walk(onnx, inferred)
    for node in inferred.graph.node:
        walk.through(node)
    del inferred.graph.value_info[:]
    inferred.graph.value_info.extend(
        onnx.helper.make_value_info(name, type) for name, type in walk.types.items() if _is_known(type)
    )
    for each in inferred.graph.output:
        if each.name in walk.types:
            each.type.CopyFrom(walk.types[each.name])
    return inferred


def _is_known(type: Any) -> bool:
    tensor = type.tensor_type
    return bool(tensor.HasField("shape")) and all(dim.HasField("dim_value") for dim in tensor.shape.dim)


class _Walk:
    """Node by node: what each makes, from the types and the short constants that it reads."""

    def __init__(self, onnx: Any, model: Any) -> None:
        self.onnx = onnx
        self.versions = {each.domain: each.version for each in model.opset_import}
        self.imports = list(model.opset_import)
        graph = model.graph
        self.types = {each.name: each.type for each in (*graph.input, *graph.value_info, *graph.output)}
        self.constants: dict[str, Any] = {}
        for tensor in graph.initializer:
            self.types[tensor.name] = onnx.helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
            self.hold(tensor.name, tensor)

    def hold(self, name: str, tensor: Any) -> None:
        """Keep a constant that is short and in the file."""
        external = tensor.data_location == self.onnx.TensorProto.EXTERNAL
        if not external and prod(tensor.dims) <= MOST_ELEMENTS:
            self.constants[name] = tensor

    def through(self, node: Any) -> None:
        """Work out what a node makes, as far as that is known."""
        self._infer(node)
        if node.op_type in table()["carried out"] and node.domain in ("", "ai.onnx") and len(node.output) <= 8:
            self._carry_out(node)

    def _infer(self, node: Any) -> None:
        if all(name in self.types and _is_known(self.types[name]) for name in node.output if name):
            return
        onnx, read = self.onnx, [name for name in node.input if name]
        if any(name not in self.types for name in read) or any(a.HasField("g") for a in node.attribute):
            return
        if node.domain == "com.microsoft":
            node = _standard(onnx, node)
            if node.op_type in table()["shaped as the first"] and read:
                self.types |= dict.fromkeys(node.output[:1], self.types[read[0]])
                return
        try:
            schema = onnx.defs.get_schema(node.op_type, self.versions.get(node.domain, 1), node.domain)
            data = {name: self.constants[name] for name in read if name in self.constants}
            types = {name: self.types[name] for name in read}
            made = onnx.shape_inference.infer_node_outputs(schema, node, types, data, opset_imports=self.imports)
        except Exception:  # noqa: BLE001  # a node of another domain, or one that contradicts itself: its shape stays open
            return
        self.types |= made

    def _carry_out(self, node: Any) -> None:
        onnx = self.onnx
        if node.op_type in ("Shape", "Size"):
            type = self.types.get(next(iter(node.input), ""))
            if type is None or not _is_known(type):
                return
            self._put(node, self._shape_of(node, [dim.dim_value for dim in type.tensor_type.shape.dim]))
            return
        read = [name for name in node.input if name]
        if any(name not in self.constants for name in read) or not self._is_short(node):
            return
        try:
            graph = onnx.helper.make_graph([node], "one", [], [onnx.ValueInfoProto(name=name) for name in node.output])
            model = onnx.helper.make_model(graph, opset_imports=self.imports)
            given = {name: onnx.numpy_helper.to_array(self.constants[name]) for name in read}
            made = onnx.reference.ReferenceEvaluator(model).run(None, given)
        except Exception:  # noqa: BLE001  # what cannot be carried out is not known
            return
        for name, array in zip(node.output, made, strict=True):
            if array is not None and array.size <= MOST_ELEMENTS:
                self.constants[name] = onnx.numpy_helper.from_array(array)
                self.types[name] = onnx.helper.make_tensor_type_proto(self.constants[name].data_type, array.shape)

    def _shape_of(self, node: Any, sizes: list[int]) -> Any:
        import numpy

        if node.op_type == "Size":
            return numpy.array(prod(sizes), dtype=numpy.int64)
        bounds = {each.name: each.i for each in node.attribute}
        return numpy.array(sizes[bounds.get("start", 0) : bounds.get("end", len(sizes))], dtype=numpy.int64)

    def _put(self, node: Any, array: Any) -> None:
        self.constants[node.output[0]] = self.onnx.numpy_helper.from_array(array)

    def _is_short(self, node: Any) -> bool:
        """Whether what a node makes is known to be short: a file may ask for any size."""
        types = [self.types.get(name) for name in node.output if name]
        sizes = [
            prod(dim.dim_value for dim in type.tensor_type.shape.dim) for type in types if type and _is_known(type)
        ]
        return max(sizes) <= MOST_ELEMENTS if len(sizes) == len(types) > 0 else str(node.op_type) == "Constant"
