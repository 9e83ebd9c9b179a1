"""A torch module run once on tensors without elements, and every operator that it calls noted on the way.

Under `inference_mode` a dispatch mode sees operators before autograd would take them apart (linear, matmul, attention);
hooks tell in which module each is called.
"""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from types import MappingProxyType
from typing import Any, NamedTuple

from vcalc import limits
from vcalc.errors import VcalcError
from vcalc.importers.aten import COMPOSITES, COPIES, VIEWS
from vcalc.torch_backend import needed

ON_VALUES = "what it gives depends on values, and here are none"
"""Why a run stops that is no fault."""


class Tensor(NamedTuple):
    """What is known of a tensor that an operator reads or makes."""

    shape: tuple[int, ...]
    batched: bool
    """Whether it depends on what goes into the network."""
    parameters: tuple[str, ...]
    """The parameters and buffers that it is made of, as long as nothing but moves was done to them."""
    source: int | None
    """The step that made it; below 0 an input, None what no step makes."""


class Step(NamedTuple):
    """One call of an operator."""

    name: str
    """As torch's own library calls it, in place or not: conv2d, add."""
    given: dict[str, Any]
    """Its arguments by name, each tensor as a `Tensor`."""
    made: tuple[Tensor, ...]
    path: str
    """The module that calls it, by its name in the network."""
    form: str
    """`module` where torch's own class for it is called, `subclass` where a class that inherits is, `functional`."""

    @property
    def tensors(self) -> list[Tensor]:
        """What it reads."""
        return [*_tensors(self.given.values())]

    @property
    def batched(self) -> bool:
        """Whether it reads what depends on what goes into the network."""
        return any(tensor.batched for tensor in self.tensors)


class Recording(NamedTuple):
    """A network as it ran."""

    steps: list[Step]
    inputs: dict[str, tuple[int, ...]]
    """What goes in, by name; what has none is numbered."""
    outputs: list[Tensor]
    parameters: dict[str, int]
    """The elements of each parameter; one that stands at several places is there once."""
    buffers: dict[str, int]
    frozen: frozenset[str]
    """The parameters that have no gradients."""
    stopped: str
    """Where and why the run came to no end; empty where it did."""


def record(
    module: Any, inputs: Iterable[Any], named: Mapping[str, Any] = MappingProxyType({}), ours: bool = False
) -> Recording:
    """Run a module once, at inference and on the meta device, and note what it calls.

    `inputs` and `named` are what goes into it, by place and by name: tensors of any device, with the batch in front, or
    lists of such. A run that asks for a value of a tensor, or that fails otherwise, stops there. A module that is
    `ours`, built for this alone, is not copied.
    """
    torch = needed("torch", "counting a module")
    frozen = frozenset(name for name, each in module.named_parameters() if not each.requires_grad)
    _check_sizes(torch, module)
    twin = module.to("meta").eval() if ours else _without_elements(torch, module)
    given, by_name = _on_meta(torch, ([*inputs], {**named}))
    placed = {f"input{number + 1}": each for number, each in enumerate(_leaves(torch, given))}
    all_given = {**placed, **by_name}
    recorder = _Recorder(torch, twin, all_given.values())
    stopped, made = "", None
    with recorder.watching(), redirect_stdout(sys.stderr):
        try:
            made = twin(*given, **by_name)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever code of others raises
            stopped = recorder.stopped(error)
    return Recording(
        recorder.steps,
        {name: tuple(each.shape) for name, each in all_given.items()},
        [recorder.seen(each) for each in _leaves(torch, made)],
        {name: each.numel() for name, each in twin.named_parameters()},
        {name: each.numel() for name, each in twin.named_buffers()},
        frozen,
        stopped,
    )


def _without_elements(torch: Any, module: Any) -> Any:
    """A copy of a module, on the meta device and at inference; its elements are not copied."""
    memo: dict[int, Any] = {}
    for each in module.parameters():
        memo[id(each)] = torch.nn.Parameter(each.detach().to("meta"), requires_grad=False)
    for each in module.buffers():
        memo[id(each)] = each.detach().to("meta")
    try:
        twin = copy.deepcopy(module, memo)
    except Exception as error:  # noqa: BLE001  # whatever code of others raises
        message = f"the module cannot be copied: {type(error).__name__}: {_first_line(error)}"
        raise VcalcError("import", message, hint="name the code that builds it: package.module:name") from None
    return twin.eval()


def _check_sizes(torch: Any, module: Any) -> None:
    """Refuse a module that has a parameter or buffer without a size yet."""
    for name, each in (*module.named_parameters(), *module.named_buffers()):
        if torch.nn.parameter.is_lazy(each):
            message = f"{name} has no size before the module has run on an input"
            raise VcalcError(
                "import", message, hint="hand over one that has run once, or name its sizes where it is made"
            )


class _Recorder:
    """What is noted during a run."""

    def __init__(self, torch: Any, module: Any, inputs: Iterable[Any]) -> None:
        self.steps: list[Step] = []
        self._torch = torch
        self._names = {each: name for name, each in module.named_modules()}
        self._stack: list[Any] = []
        self.seen_so_far = 0
        self.at = ("", "")
        """The module and the operator that ran last."""
        self._known: dict[int, Tensor] = {}
        self._kept: list[Any] = []
        """All tensors, so that none has the number of one that is gone."""
        for name, each in (*module.named_parameters(), *module.named_buffers()):
            self._note(each, Tensor(tuple(each.shape), False, (name,), None))
        for number, each in enumerate(inputs):
            self._note(each, Tensor(tuple(each.shape), True, (), -1 - number))

    @property
    def path(self) -> str:
        """The module that runs now."""
        return next((self._names[each] for each in reversed(self._stack) if each in self._names), "")

    def seen(self, tensor: Any) -> Tensor:
        """What is known of a tensor; one that came from nowhere is a constant."""
        found = self._known.get(id(tensor))
        return found if found is not None else Tensor(tuple(tensor.shape), False, (), None)

    def stopped(self, error: BaseException) -> str:
        """Where a run came to its end, and why."""
        path, name = self.at
        where = f"{path or 'the network'}, after {name}" if name else "its beginning"
        if name and (isinstance(error, NotImplementedError) or re.search(r"\bmeta\b", str(error))):
            return f"{path or 'the network'}, {name}: {ON_VALUES}"
        return f"{where}: {type(error).__name__}: {_first_line(error)}"

    def _note(self, tensor: Any, known: Tensor) -> None:
        self._kept.append(tensor)
        self._known[id(tensor)] = known

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Modules and operators are noted while it lasts."""
        torch, hooks = self._torch, self._torch.nn.modules.module
        fast = torch.backends.mha.get_fastpath_enabled()
        entered = hooks.register_module_forward_pre_hook(self._enter)
        left = hooks.register_module_forward_hook(self._leave, always_call=True)
        torch.backends.mha.set_fastpath_enabled(False)  # its one operator hides all that it does
        try:
            with torch.inference_mode(), self._mode():
                yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
            entered.remove()
            left.remove()

    def _enter(self, module: Any, _: Any) -> None:
        self._stack.append(module)

    def _leave(self, *_: Any) -> None:
        self._stack.pop()

    def _mode(self) -> Any:
        from torch.utils._python_dispatch import TorchDispatchMode

        recorder = self

        class Mode(TorchDispatchMode):  # type: ignore[no-untyped-call, unused-ignore]
            def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                args, kwargs = recorder.together(args, kwargs or {})
                name = func._schema.name.partition("::")[2]
                recorder.at = (recorder.path, name)
                recorder.seen_so_far += 1
                if recorder.seen_so_far > limits.RECORDED:
                    raise RuntimeError(f"more than {limits.RECORDED:,} operators")
                if name not in COMPOSITES:
                    with self:
                        made = func.decompose(*args, **kwargs)
                    if made is not NotImplemented:
                        return made
                made = func(*args, **kwargs)
                recorder.called(func, args, kwargs, made)
                return made

        return Mode()  # type: ignore[no-untyped-call, unused-ignore]

    def together(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments on the meta device, where one of them is: constants may have been made elsewhere."""
        devices = {each.device.type for each in _leaves(self._torch, (args, kwargs))}
        if len(devices) > 1 and "meta" in devices:
            moved: tuple[tuple[Any, ...], dict[str, Any]] = _on_meta(self._torch, (args, kwargs))
            return moved
        return args, kwargs

    def called(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], made: Any) -> None:
        """Note an operator, or follow a tensor through what only moves its elements."""
        names = [argument.name for argument in func._schema.arguments]
        given = {**dict(zip(names, self._named(args), strict=False)), **self._named(kwargs)}
        name = func._schema.name.partition("::")[2]
        name = name[:-1] if name.endswith("_") and not name.endswith("__") else name
        read = [*_tensors(given.values())]
        batched = any(each.batched for each in read)
        moved = name in VIEWS or (not batched and name in COPIES)
        parameters = tuple(dict.fromkeys(each for tensor in read for each in tensor.parameters)) if moved else ()
        source = next((each.source for each in read), None) if moved else len(self.steps)
        leaves = _leaves(self._torch, made)
        tensors = tuple(Tensor(tuple(each.shape), batched, parameters, source) for each in leaves)
        for leaf, tensor in zip(leaves, tensors, strict=True):
            self._note(leaf, tensor)
        if not moved:
            self.steps.append(Step(name, given, tensors, self.path, self._form()))

    def _named(self, value: Any) -> Any:
        if isinstance(value, self._torch.Tensor):
            return self.seen(value)
        if isinstance(value, (list, tuple)):
            return [self._named(each) for each in value]
        if isinstance(value, dict):
            return {name: self._named(each) for name, each in value.items()}
        return value

    def _form(self) -> str:
        """How the operator is called: by a module of torch's for it, by one that inherits from such a one, or not."""
        if not self._stack:
            return "functional"
        inner = self._stack[-1]
        own = type(inner).__module__.startswith("torch.nn.modules")
        if own and not any(True for _ in inner.children()):
            return "module"
        inherits = any(cls.__module__.startswith("torch.nn.modules.") and cls.__name__ not in ("Module", "Sequential")
                       for cls in type(inner).__mro__)  # fmt: skip
        return "subclass" if inherits else "functional"


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list):
            yield from _tensors(value)


def _on_meta(torch: Any, given: Any) -> Any:
    """The same with each tensor on the meta device."""
    from torch.utils._pytree import tree_map

    return tree_map(lambda each: each.to("meta") if isinstance(each, torch.Tensor) else each, given)


def _leaves(torch: Any, made: Any) -> list[Any]:
    """The tensors in what is given back, in their order."""
    from torch.utils._pytree import tree_leaves

    return [each for each in tree_leaves(made) if isinstance(each, torch.Tensor)]


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]
