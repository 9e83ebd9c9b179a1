"""Which storages are alive, and what they take together."""

from __future__ import annotations

from typing import Any

from vcalc.analyses.memory_plan import NOTHING, Size


class Ledger:
    """The storages that are alive, each with how many hold it, and what they take together."""

    def __init__(self) -> None:
        self.total = NOTHING
        self._holders: dict[Any, int] = {}
        self._sizes: dict[Any, Size] = {}

    def hold(self, key: Any, size: Size = NOTHING) -> None:
        """One more holder of a storage; the first one says its size."""
        if key not in self._holders:
            self._sizes[key] = size
            self.total = self.total.plus(size)
        self._holders[key] = self._holders.get(key, 0) + 1

    def release(self, key: Any) -> None:
        """One holder less; the last one frees the storage."""
        self._holders[key] -= 1
        if not self._holders[key]:
            del self._holders[key]
            self.total = self.total.minus(self._sizes.pop(key))

    def holders(self, key: Any) -> int:
        """How many hold a storage."""
        return self._holders.get(key, 0)

    def size(self, key: Any) -> Size:
        """What a storage that is alive takes."""
        return self._sizes[key]
