"""Handing out a range of addresses: first fit, neighbours that are given back grow together. Sizes in bytes."""


class Allocator:
    """Free extents of ``size`` addresses that begin at ``base``; every piece starts at a multiple of ``grain``."""

    def __init__(self, base: int, size: int, grain: int) -> None:
        self._grain = grain
        self._free: list[tuple[int, int]] = [(base, size)]
        self._taken: dict[int, int] = {}

    @property
    def taken_bytes(self) -> int:
        """Everything that is handed out, rounded up to grains."""
        return sum(self._taken.values())

    @property
    def free_bytes(self) -> int:
        """Everything that is left."""
        return sum(size for _, size in self._free)

    def take(self, size: int) -> int | None:
        """Return the lowest address where ``size`` fits, None where it fits nowhere."""
        wanted = -(-size // self._grain) * self._grain
        for i, (start, length) in enumerate(self._free):
            if length >= wanted:
                self._free[i : i + 1] = [(start + wanted, length - wanted)] if length > wanted else []
                self._taken[start] = wanted
                return start
        return None

    def give(self, start: int) -> None:
        """Take back what ``take`` returned. Raises ``KeyError`` for anything else."""
        extents = sorted([*self._free, (start, self._taken.pop(start))])
        merged = [extents[0]]
        for here, size in extents[1:]:
            last, length = merged[-1]
            if last + length == here:
                merged[-1] = (last, length + size)
            else:
                merged.append((here, size))
        self._free = merged
