"""A few vectors that stand for all: how a card of 180 GB fits into some tens of megabytes, exactly.

Physical memory is cut into intervals in which every vector behaves alike. One vector of each, at a hashed place, is
simulated; all addresses that reach it are walked, each with the number of vectors that it stands for as its weight.
Around every edge of a fault there is a window in which every single vector is simulated, because that is where a
person, and a decoder of the log, looks first. Positions and lengths count 16-byte vectors.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import NDArray

from gpucheck.simulation.addresses import PAGE, SECTOR, VECTOR, AddressMap, I64s
from gpucheck.simulation.faults import DeadChannel

GRID = (256 << 10) // VECTOR
"""Longest interval; a launch whose ends lie on this grid is counted exactly."""
WINDOW = GRID // 2
MOST_SAMPLES = 2_000_000
"""Where many addresses share each cell, windows shrink and the grid widens until about so many are left."""
MOST_STRIPES = (64 << 20) // VECTOR

U64s = NDArray[np.uint64]


@dataclass(frozen=True)
class Samples:
    """``cells``: ascending positions of the simulated cells. The other arrays have one row for each address of one."""

    cells: I64s
    address: I64s
    weight: I64s
    cell: I64s | None
    """Row in ``cells``; None where each address has its own and the rows run alike."""
    turn: I64s | None


@dataclass(frozen=True)
class Stripes:
    """Dead granules, repeated all over the memory: ``dead`` says it for each vector of one period."""

    dead: NDArray[np.bool_]

    @classmethod
    def of(cls, faults: Iterable[DeadChannel]) -> "Stripes | None":
        """Combine faults; None without any. Raises ``ValueError`` where the common period is too long."""
        shapes = [(f.granule_bytes // VECTOR, f.channels, f.channel) for f in faults]
        period = lcm(*(granule * channels for granule, channels, _ in shapes))
        if not shapes:
            return None
        if period > MOST_STRIPES:
            raise ValueError("dead channels of such different shapes cannot be combined")
        at = np.arange(period)
        dead = np.zeros(period, np.bool_)
        for granule, channels, channel in shapes:
            dead |= at // granule % channels == channel
        return cls(dead)

    def covers(self, cells: I64s) -> NDArray[np.bool_]:
        """Which cells are dead."""
        return self.dead[cells % self.dead.size]


def mix(values: NDArray[np.integer], salt: int) -> U64s:
    """Hash integers to 64 well-spread bits."""
    words = values.astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15 + 0x1234567) & 0xFFFF_FFFF_FFFF_FFFF)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        words = (words ^ (words >> np.uint64(shift))) * np.uint64(factor)
    return words ^ (words >> np.uint64(31))


def choose(
    addresses: AddressMap, *, edges: Iterable[int], exact: Iterable[int], stripes: Stripes | None, seed: int
) -> Samples:
    """Choose cells and addresses. ``edges``: where behaviour changes; ``exact``: cells that must be simulated."""
    bounds = _bounds(addresses, tuple(edges), tuple(exact))
    cells, weight = _pick(bounds, stripes, seed)
    return _spread(addresses, cells, weight)


def _bounds(addresses: AddressMap, edges: tuple[int, ...], exact: tuple[int, ...]) -> I64s:
    """Ascending ends of the intervals, from cell 0 to the last that an address reaches."""
    end = addresses.physical_end
    total = int(addresses.logical[-1] + addresses.length[-1])
    lines = addresses.cells(np.arange(0, total, _grid(addresses, total), dtype=np.int64))
    most = MOST_SAMPLES // addresses.turns
    window = min(WINDOW, most // (2 * max(1, len(edges))))
    windows = [np.arange(edge - window, edge + window + 1) for edge in edges]
    if addresses.is_twisted and most > PAGE // SECTOR:
        # where a run ends inside a frame, sectors on both sides of the end alternate
        cut = int(addresses.physical[-1] + addresses.length[-1]) // PAGE * PAGE
        windows.append(np.arange(cut, cut + PAGE, SECTOR))
    single = np.array(exact, np.int64)
    windows.append(np.arange(0, end, GRID))
    parts = [lines, addresses.physical, addresses.physical + addresses.length, single, single + 1, *windows]
    bounds: I64s = np.concatenate(parts)
    bounds = np.sort(bounds[(bounds >= 0) & (bounds <= end)], kind="stable")
    return bounds[np.diff(bounds, prepend=-1) > 0]


def _grid(addresses: AddressMap, total: int) -> int:
    """Spacing of the cuts. Where turns do not lie on the grid, each folds its own cuts onto all others: fewer then."""
    grid = GRID
    if not (addresses.is_twisted or ((addresses.logical - addresses.physical) % GRID).any()):
        return grid
    while total // grid * addresses.turns > MOST_SAMPLES and grid < total:
        grid *= 2
    return grid


def _pick(bounds: I64s, stripes: Stripes | None, seed: int) -> tuple[I64s, I64s]:
    """One cell for each interval; with stripes one in a dead granule and one outside, weighted by their numbers."""
    if stripes is None:
        return _nth(bounds, bounds, np.zeros(1, np.int64), 1, seed)
    parts = []
    for member in (stripes.dead, ~stripes.dead):
        places = np.flatnonzero(member).astype(np.int64)
        below = np.concatenate([[0], np.cumsum(member)])
        period = stripes.dead.size
        rank = bounds // period * places.size + below[bounds % period]
        parts.append(_nth(bounds, rank, places, period, seed))
    cells = np.concatenate([part[0] for part in parts])
    order = np.argsort(cells)
    return cells[order], np.concatenate([part[1] for part in parts])[order]


def _nth(bounds: I64s, rank: I64s, places: I64s, period: int, seed: int) -> tuple[I64s, I64s]:
    """From each interval one of its members: ``rank`` counts the members below each bound, every ``period`` alike."""
    weight = np.diff(rank)
    some = weight > 0
    weight = weight[some]
    chosen = rank[:-1][some] + (mix(bounds[:-1][some], seed) % weight.astype(np.uint64)).astype(np.int64)
    return chosen // places.size * period + places[chosen % places.size], weight


def at_every_page(addresses: AddressMap, place: int, shift: int) -> Samples:
    """Take 2^``shift`` vectors at one place of every page, each for itself, and the cells that they reach."""
    total = int(addresses.logical[-1] + addresses.length[-1])
    starts = np.arange(place, total, PAGE, dtype=np.int64)
    address = (starts[:, None] + np.arange(1 << shift)).ravel()
    address = address[address < total]
    weight = np.ones(address.size, np.int64)
    if not addresses.shares_cells and addresses.logical.size == 1:
        return Samples(address, address, weight, None, None)
    cells, cell = np.unique(addresses.cells(address), return_inverse=True)
    run = np.searchsorted(addresses.logical, address, side="right") - 1
    return Samples(cells, address, weight, cell, addresses.turn[run])


def _spread(addresses: AddressMap, cells: I64s, weight: I64s) -> Samples:
    """Find all addresses that reach the chosen cells."""
    if not addresses.shares_cells and addresses.logical.size == 1:
        return Samples(cells, cells, weight, None, None)
    slack = PAGE - 1 if addresses.is_twisted else 0  # cells of the frames in which a run begins and ends
    low = np.searchsorted(cells, addresses.physical - slack)
    count = np.searchsorted(cells, addresses.physical + addresses.length + slack) - low
    run = np.repeat(np.arange(count.size), count)
    within = np.arange(run.size) - np.repeat(np.cumsum(count) - count, count)
    cell = low[run] + within
    place = addresses.twisted(cells[cell], addresses.twist[run]) - addresses.physical[run]
    address, turn = place + addresses.logical[run], addresses.turn[run]
    if addresses.is_twisted:
        reached = np.flatnonzero((place >= 0) & (place < addresses.length[run]))
        order = reached[np.argsort(address[reached], kind="stable")]
        address, cell, turn = address[order], cell[order], turn[order]
    return Samples(cells, address, weight[cell], cell, turn)
