"""Instruments for torch's memory on the CPU: live bytes through a dispatch mode, saved ones through hooks."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Live(TorchDispatchMode):
    """The bytes of all storages that are alive, and their peak: what is there before, and what operators make.

    The model's own parameters and buffers are left out.
    """

    def __init__(self, own: set[int], *there: Any) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._alive: dict[int, int] = {}
        self._own = own
        for tensor in there:
            self._enter(tensor)

    def _enter(self, tensor: Any) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._alive and key not in self._own:
            self._alive[key] = storage.nbytes()
            self.now += storage.nbytes()
            weakref.finalize(storage, self._leave, key)

    def _leave(self, key: int) -> None:
        self.now -= self._alive.pop(key)

    def __torch_dispatch__(self, operator: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        result = operator(*arguments, **(named or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._enter(tensor)
        self.peak = max(self.peak, self.now)
        return result


class Saved(torch.autograd.graph.saved_tensors_hooks):
    """The bytes of all storages that are saved for backward, each once; parameters and buffers are left out."""

    def __init__(self, own: set[int]) -> None:
        self.storages: dict[int, int] = {}
        self._kept: list[Any] = []
        self._own = own
        super().__init__(self._pack, lambda tensor: tensor)

    def __enter__(self) -> Saved:
        super().__enter__()
        return self

    def __exit__(self, *_: Any) -> None:
        super().__exit__(*_)
        self._kept.clear()

    def _pack(self, tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        self._kept.append(tensor)
        if storage._cdata not in self._own:
            self.storages[storage._cdata] = storage.nbytes()
        return tensor.detach()  # an output that its own node holds is a circle that nobody collects

    @property
    def bytes(self) -> int:
        return sum(self.storages.values())


def own(module: Any) -> set[int]:
    """The storages of parameters and buffers."""
    return {tensor.untyped_storage()._cdata for tensor in [*module.parameters(), *module.buffers()]}
