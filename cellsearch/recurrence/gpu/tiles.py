"""How a sequence is spread over a card: which blocks work together, on which rows and units, and what they hold.

A team of blocks takes some rows of the batch through all steps. The more blocks, the fewer weights each has to hold and
read a step, and the longer they wait for one another. The choice is a sum of times, whose constants were measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from cellsearch.recurrence.plan.plan import Product
from cellsearch.recurrence.program.lowering import ALONG_ROW, SCANS
from cellsearch.recurrence.program.places import Call, Group

__all__ = [
    "CLUSTER",
    "CallTiles",
    "Card",
    "Sizes",
    "Tiles",
    "candidates",
    "choose_tiles",
    "merged",
    "padded",
    "tiles_of",
]

UNIT: Final = 16
"""Rows of our own in memory hold a multiple of so many numbers."""

PAD: Final = 16
"""Bytes between rows in shared memory, as in `c/team.h`."""

GROUP: Final = 18
"""Processors of a card that can hold a cluster together; a few of the groups have less."""

REGISTERS: Final = 80
"""Of a thread, about."""

CLUSTER: Final = 16
"""Blocks that a cluster holds at most, where a card has any."""

UNITS: Final = (8, 16, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256)
ROWS: Final = (8, 16, 32, 64, 128)
THREADS: Final = (256, 512)
CHUNK: Final = 8192
"""Bytes of an operand that come at a time."""

LINE: Final = 128
"""Bytes of a line of the second cache: chunks are so long where there is room."""

STAGES: Final = 4
"""Chunks that are on their way at once."""

MOST_MADE: Final = 24_576
"""Bytes of a product's parts that are summed apart."""

MOST_ELEMENTS: Final = 8
"""Numbers that a thread keeps of each value."""

SYNC, CLUSTER_BARRIER, GRID_BARRIER, TRIP = 0.22, 0.25, 0.41, 0.54
"""Microseconds: of a barrier in a block, of a cluster, of a grid, and of what others wrote on its way to us."""

STAGE, READ, MULTIPLY = 56_000.0, 391_000.0, 7.3e6
"""Bytes a microsecond from the second cache and from shared memory, multiply-adds a microsecond, of a block."""


class Card(NamedTuple):
    """What tiles have to fit: blocks at once, bytes of shared memory a block; whether blocks form clusters."""

    blocks: int = 132
    shared: int = 232_448
    clusters: bool = True


HOPPER: Final = Card()
"""An H100 or H200."""


class Sizes(NamedTuple):
    """Batch and hidden size, and bytes of a number in memory."""

    B: int
    H: int
    bytes: int

    @property
    def width(self) -> int:
        """The hidden size in whole vectors."""
        return padded(self.H)


class CallTiles(NamedTuple):
    """A product in a block: its weights' `linears` times the units, tiles of 16 of these, depth and chunk in bytes.

    `stages` chunks are on their way at once. `split` parts of the depth are summed apart, `across` parts of the rows
    have a warp each. `kept` and `made` are the offsets of weights and result in bytes.
    """

    linears: int
    tiles: int
    depth: int
    chunk: int
    stages: int
    split: int
    across: int
    kept: int
    made: int

    def staged(self, rows: int) -> int:
        """Bytes of the operand in shared memory."""
        return self.stages * rows * (self.chunk + PAD)


@dataclass(frozen=True)
class Tiles:
    """`team` blocks of so many `threads`, each with `rows` of the batch and `units`; offsets are bytes of its memory.

    `clusters`: the team is a cluster of the card, which has a barrier of its own.
    """

    team: int
    rows: int
    units: int
    threads: int
    calls: tuple[CallTiles, ...]
    staged: int
    along: int
    shared: int
    clusters: bool = False

    @property
    def elements(self) -> int:
        """Numbers of each value that a thread keeps."""
        return -(-self.units * self.rows // self.threads)


def padded(size: int) -> int:
    """A size in whole vectors."""
    return -(-size // UNIT) * UNIT


def choose_tiles(groups: tuple[Group, ...], sizes: Sizes, card: Card = HOPPER) -> Tiles | None:
    """The fastest way by the table of times; None if the weights do not fit on the card."""
    return min(candidates(groups, sizes, card), key=lambda tiles: _time(groups, tiles, sizes, card), default=None)


def candidates(groups: tuple[Group, ...], sizes: Sizes, card: Card = HOPPER) -> Iterator[Tiles]:
    """Every way in which the card can hold it."""
    for units in UNITS:
        team = -(-sizes.width // units)
        for rows in ROWS if units < sizes.width + UNITS[0] else ():
            fits = -(-sizes.B // rows) * team <= card.blocks and (rows < 2 * sizes.B or rows == ROWS[0])
            for threads in THREADS if fits else ():
                tiles = tiles_of(groups, sizes, units, rows, threads, card)
                if tiles is not None and tiles.elements <= MOST_ELEMENTS:
                    yield tiles


def tiles_of(
    groups: tuple[Group, ...], sizes: Sizes, units: int, rows: int, threads: int, card: Card = HOPPER
) -> Tiles | None:
    """The tiles of blocks with so many units each; None if a block cannot hold what it needs."""
    team = -(-sizes.width // units)
    clusters = card.clusters and 1 < team <= CLUSTER
    shapes = [shape(call, sizes) for call in _calls(groups)]
    kept = [n * units * (depth + PAD) for n, depth in shapes]
    at, calls = sum(kept), []
    for i, (n, depth) in enumerate(shapes):
        tiles = -(-n * units // 16)
        split, across = _divided(max(1, threads // 32 // tiles), tiles, depth, rows)
        calls.append(CallTiles(n, tiles, depth, depth, 1, split, across, sum(kept[:i]), at))
        at += split * rows * (16 * tiles + 4) * 4
    staged = at + 4 * rows * sum(units if name in SCANS else 1 for name in _along(groups))
    staged = -(-staged // 128) * 128
    done = []
    for call in calls:
        if (fitting := _staged(call, rows, card.shared - staged)) is None:
            return None
        done.append(fitting)
    shared = staged + max((call.staged(rows) for call in done), default=0)
    return (
        Tiles(team, rows, units, threads, tuple(done), staged, at, shared, clusters) if shared <= card.shared else None
    )


def _divided(warps: int, tiles: int, depth: int, rows: int) -> tuple[int, int]:
    """How the warps of a tile divide depth and rows among them, so that the sums apart do not take much memory."""
    split, across = max(1, min(warps, depth // 32)), 1
    while split > 1 and split * rows * (16 * tiles + 4) * 4 > MOST_MADE and rows // 8 // across > 1:
        split, across = split // 2, across * 2
    return split, across


def _staged(call: CallTiles, rows: int, room: int) -> CallTiles | None:
    """The call with its chunks and stages; None if no two fit into so many bytes."""
    least = 32 * call.split
    chunk = max(2 * least, LINE, -(-CHUNK // rows // least) * least)
    while chunk >= least:
        if chunk >= call.depth and rows * (call.depth + PAD) <= room:
            return call._replace(chunk=call.depth, stages=1)
        stages = min(STAGES, -(-call.depth // chunk), room // (rows * (chunk + PAD)))
        if stages > 1:
            return call._replace(chunk=chunk, stages=stages)
        chunk = chunk // 2 // least * least
    return None


def merged(calls: list[Call]) -> list[Call]:
    """Calls that multiply the same operand for several linears as one."""
    found: list[Call] = []
    for call in calls:
        if found and call.target.kind == "column" and found[-1].operand == call.operand:
            product = Product(call.product.operand, found[-1].product.linears + call.product.linears)
            found[-1] = replace(found[-1], product=product, adds=False)
        else:
            found.append(call)
    return found


def shape(call: Call, sizes: Sizes) -> tuple[int, int]:
    """How many vectors of units a call gives, and how many bytes deep its products are."""
    n = len(call.product.linears)
    return (n, sizes.width * sizes.bytes) if call.target.kind == "column" else (1, n * sizes.width * sizes.bytes)


def _calls(groups: Iterable[Group]) -> Iterator[Call]:
    for group in groups:
        yield from merged(group.calls)


def _along(groups: Iterable[Group]) -> Iterator[str]:
    """The functions along the row, of every group."""
    for group in groups:
        needed = group.lowering.needed([value for _, value in (*group.stores, *group.sums)])
        names = (group.lowering.instructions[number].name for number in needed)
        yield from (name for name in names if name in ALONG_ROW)


def _time(groups: tuple[Group, ...], tiles: Tiles, sizes: Sizes, card: Card) -> float:
    """Microseconds a step, about."""
    barrier = SYNC if tiles.team == 1 else CLUSTER_BARRIER if tiles.clusters else GRID_BARRIER
    barriers = sum(bool(group.calls) for group in groups) + len(list(_along(groups)))
    total = barriers * (barrier + TRIP)
    for call in tiles.calls:
        total += tiles.rows * call.depth / STAGE
        total += max(call.tiles * 16 * call.depth / READ, call.tiles * 16 * call.depth * tiles.rows / MULTIPLY)
    return (total + 0.05 * tiles.elements + tiles.threads / 5120) * _waves(tiles, sizes, card)


def _waves(tiles: Tiles, sizes: Sizes, card: Card) -> int:
    """How often the card is full before all teams are done. A cluster needs its place in one group of processors."""
    teams = -(-sizes.B // tiles.rows)
    if not tiles.clusters:
        return 1  # candidates fit at once
    beside = max(1, min(card.shared // max(1, tiles.shared), 65536 // (REGISTERS * tiles.threads)))
    return -(-teams // max(1, card.blocks // GROUP * (CLUSTER // tiles.team) * beside))
