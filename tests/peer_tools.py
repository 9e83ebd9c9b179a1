"""The other tools themselves, run on a torch network: what vcalc's conventions of the same names are held against.

A tool that is missing raises ImportError when it is called. ultralytics-thop shares its package name with thop, so the
environment variable VCALC_ULTRALYTICS_THOP names a folder of its own, which this makes:
`pip install --no-deps --target FOLDER ultralytics-thop==2.2.3`.

Each tool gets a replica of the network, with zeros for weights or without storage, so that no hook, buffer or attribute
stays behind; its patches of torch are taken back, and what it prints is dropped.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import importlib
import importlib.util
import io
import logging
import os
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from vcalc.errors import VcalcError
from vcalc.torch_backend.against import start_torchvision

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ULTRALYTICS_THOP = "VCALC_ULTRALYTICS_THOP"
"""The environment variable that says where ultralytics-thop is."""


class Counted(NamedTuple):
    """What a tool reports for a network; params is None where it reports none."""

    count: int | float
    params: int | None


Tool = Callable[["torch.nn.Module", "tuple[Tensor, ...]"], Counted]

TOOLS: dict[str, Tool] = {}
"""A convention of vcalc, and the tool it follows."""


def _tool(name: str, device: str) -> Callable[[Tool], Tool]:
    """Add a tool to the table, to be run on a device.

    The meta device computes nothing, but there some operators are Python that calls others, which the tools that patch
    torch count as well, and the tracer that fvcore uses rejects convolutions.
    """

    def add(count: Tool) -> Tool:
        @functools.wraps(count)
        def run(network: torch.nn.Module, inputs: tuple[Tensor, ...]) -> Counted:
            import torch

            with _silence(), _patches_taken_back(), torch.no_grad():
                return count(_replica(network, device).eval(), tuple(_moved(tensor, device) for tensor in inputs))

        TOOLS[name] = run
        return run

    return add


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Drop what is printed, logged and warned about."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(action="ignore"),
        ):
            yield
    finally:
        logging.disable(disabled)


@contextlib.contextmanager
def _patches_taken_back() -> Iterator[None]:
    """Show attention to the tools, and undo their patches, some of which stay otherwise even where all goes well."""
    import torch

    patched: list[Any] = [torch, torch.Tensor, torch.nn.functional]
    if importlib.util.find_spec("einops"):
        patched.append(importlib.import_module("einops"))
    before = [dict(vars(namespace)) for namespace in patched]
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        for namespace, old in zip(patched, before, strict=True):
            for name, value in dict(vars(namespace)).items():
                if name in old and value is not old[name]:
                    setattr(namespace, name, old[name])
                elif name not in old and namespace is torch.Tensor and hasattr(torch._C.TensorBase, name):
                    delattr(namespace, name)  # its methods are those of its base until somebody patches them


def _replica(network: torch.nn.Module, device: str) -> torch.nn.Module:
    """A copy on a device. Parameters are zeros, and buffers keep their values where they have any."""
    import torch

    copied: dict[int, Any] = {}
    for parameter in network.parameters():
        values = torch.zeros_like(parameter, device=device)
        copied[id(parameter)] = torch.nn.Parameter(values, requires_grad=parameter.requires_grad)
    for buffer in network.buffers():
        copied[id(buffer)] = _moved(buffer, device)
    return copy.deepcopy(network, copied)


def _moved(tensor: Tensor, device: str) -> Tensor:
    """A copy on a device, zeros where the tensor has no values."""
    import torch

    if tensor.is_meta and device != "meta":
        return torch.zeros_like(tensor, device=device)
    return tensor.detach().to(device, copy=True)


@contextlib.contextmanager
def _package(name: str, folder: str) -> Iterator[None]:
    """Let a package's modules be imported without what the package itself imports, and without keeping its name."""

    def of_package() -> list[str]:
        return [module for module in sys.modules if module.partition(".")[0] == name]

    stashed = {module: sys.modules.pop(module) for module in of_package()}
    package = types.ModuleType(name)
    package.__path__ = [os.path.join(folder, name)]
    sys.modules[name] = package
    try:
        yield
    finally:
        for module in of_package():
            del sys.modules[module]
        sys.modules.update(stashed)


def _whole(count: float) -> int | float:
    """A count as an integer, unless the tool counts fractions."""
    return int(count) if count == int(count) else float(count)


@_tool("fvcore", "cpu")
def fvcore(network: torch.nn.Module, inputs: tuple[Tensor, ...]) -> Counted:
    """fvcore's FlopCountAnalysis."""
    from fvcore.nn import FlopCountAnalysis, parameter_count

    return Counted(_whole(FlopCountAnalysis(network, inputs).total()), parameter_count(network)[""])


@_tool("fvcore-activations", "cpu")
def fvcore_activations(network: torch.nn.Module, inputs: tuple[Tensor, ...]) -> Counted:
    """fvcore's ActivationCountAnalysis."""
    from fvcore.nn import ActivationCountAnalysis, parameter_count

    return Counted(_whole(ActivationCountAnalysis(network, inputs).total()), parameter_count(network)[""])


@_tool("mmengine", "cpu")
def mmengine(network: torch.nn.Module, inputs: tuple[Tensor, ...]) -> Counted:
    """mmengine's FlopAnalyzer."""
    from mmengine.analysis import FlopAnalyzer, parameter_count

    return Counted(_whole(FlopAnalyzer(network, inputs).total()), parameter_count(network)[""])


@_tool("ptflops", "cpu")
def ptflops(network: torch.nn.Module, inputs: tuple[Tensor, ...]) -> Counted:
    """ptflops with the backend that its signature takes by default."""
    return _ptflops(network, inputs, "pytorch")


@_tool("ptflops-aten", "cpu")  # attention is fused on a CPU, where ptflops does not see it, and not on meta
def ptflops_aten(network: torch.nn.Module, inputs: tuple[Tensor, ...]) -> Counted:
    """ptflops with its other backend."""
    return _ptflops(network, inputs, "aten")


def _ptflops(network: torch.nn.Module, inputs: tuple[Tensor, ...], backend: str) -> Counted:
    with contextlib.suppress(VcalcError):  # ptflops imports it if it is there, and expects no other error
        start_torchvision()
    from ptflops import get_model_complexity_info
    from torch import nn

    class First(nn.Module):
        """The network with all inputs but the first given: ptflops divides by the length of that one."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, first: Tensor) -> Any:
            return self.network(first, *inputs[1:])

    count, params = get_model_complexity_info(
        First(),
        tuple(inputs[0].shape),
        input_constructor=lambda _: inputs[0],
        backend=backend,
        print_per_layer_stat=False,
        as_strings=False,
    )
    if count is None:
        raise RuntimeError("ptflops could not run the network")
    return Counted(_whole(count), params)


@_tool("thop", "meta")
def thop(network: torch.nn.Module, inputs: tuple[Tensor, ...]) -> Counted:
    """Lyken17's thop."""
    from thop import profile

    if profile.__globals__.get("functional_hooks"):
        raise ImportError("the thop that is installed is ultralytics-thop")
    count, params = profile(network, inputs, verbose=False)
    return Counted(_whole(count), int(params))


@_tool("ultralytics-thop", "meta")
def ultralytics_thop(network: torch.nn.Module, inputs: tuple[Tensor, ...]) -> Counted:
    """Ultralytics' fork of thop."""
    count, params = _ultralytics_thop().profile(network, inputs, verbose=False)
    return Counted(_whole(count), int(params))


@functools.cache
def _ultralytics_thop() -> Any:
    folder = os.environ.get(ULTRALYTICS_THOP)
    if not folder:
        raise ImportError(f"{ULTRALYTICS_THOP} does not say where ultralytics-thop is")
    with _package("thop", folder):
        return importlib.import_module("thop.profile")


@_tool("torchinfo-1.8", "meta")
def torchinfo(network: torch.nn.Module, inputs: tuple[Tensor, ...]) -> Counted:
    """torchinfo's mult-adds."""
    from torchinfo import summary

    found = summary(network, input_data=list(inputs), verbose=0)
    return Counted(_whole(found.total_mult_adds), found.total_params)


@_tool("torch", "meta")
def torch_flop_counter(network: torch.nn.Module, inputs: tuple[Tensor, ...]) -> Counted:
    """torch's own FlopCounterMode."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        network.requires_grad_(False)(*inputs)  # it refuses a view of a parameter that has a gradient
    return Counted(counter.get_total_flops(), None)


def _profiled(name: str) -> Callable[[Callable[[torch.nn.Module], Any]], None]:
    """Add a tool whose profiler, once started, counts FLOPs and MACs at once: two conventions."""

    def add(start: Callable[[torch.nn.Module], Any]) -> None:
        for convention, total in ((name, "get_total_flops"), (f"{name}-macs", "get_total_macs")):

            def count(network: torch.nn.Module, inputs: tuple[Tensor, ...], total: str = total) -> Counted:
                profiler = start(network)
                network(*inputs)
                return Counted(_whole(getattr(profiler, total)()), profiler.get_total_params())

            _tool(convention, "cpu")(count)

    return add


@_profiled("calflops")
def _calflops(network: torch.nn.Module) -> Any:
    """What calculate_flops does, which takes no network without parameters."""
    profiler = _calflops_profiler()(network, include_backPropagation=False, compute_bp_factor=2.0)
    profiler.start_flops_calculate()
    return profiler


@functools.cache
def _calflops_profiler() -> Any:
    found = importlib.util.find_spec("calflops")
    if found is None or found.origin is None:
        raise ImportError("calflops is not installed")
    with _package("calflops", os.path.dirname(os.path.dirname(found.origin))):  # the package needs transformers
        return importlib.import_module("calflops.calculate_pipline").CalFlopsPipline


@_profiled("deepspeed")
def _deepspeed(network: torch.nn.Module) -> Any:
    """What get_model_profile does, without the run that warms up."""
    from deepspeed.profiling.flops_profiler import FlopsProfiler

    profiler = FlopsProfiler(network)
    profiler.start_profile()
    return profiler
