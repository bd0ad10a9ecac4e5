"""Some seconds of full load whose every answer is known, watched by the card's own sensors.

Arithmetic units and memory are busy at once, in launches of about a tenth of a second, so that a display is still
served and no driver's time limit is met. The seconds are the device's. What comes of it speaks of the card's condition.
"""

from dataclasses import dataclass, field
from statistics import median

import numpy as np

from gpucheck.device.protocol import U32, U64, Buffer, Device, DeviceLost, Kernel
from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.measured import LoadTest, Telemetry
from gpucheck.model.units import MIB
from gpucheck.probes.memory import give_back, take_largest
from gpucheck.probes.options import ProbeOptions
from gpucheck.probes.watch import look, watched

FILL = Kernel("load", "load_fill")
RUN = Kernel("load", "load_run")
THREADS = 512
BLOCKS_PER_SM = 2
CHAINS, STEPS = 4, 128
SUMS_PER_ROUND = 2 * CHAINS * STEPS
"""Fused multiply-adds of one thread in one round."""

SECONDS, DEEP_SECONDS = 3.0, 20.0
SIZES = (512 * MIB, 128 * MIB, 32 * MIB)
_LAUNCH_SECONDS = 0.1
_LOOK_EVERY_SECONDS = 0.25
_RAMP_SECONDS = 0.3
"""Until clocks have risen."""
_WINDOW_SECONDS = 0.5
_FIRST_ROUNDS, _MOST_ROUNDS = 32, 1 << 20
_MOST_LAUNCHES = 4096
"""Against a device whose clock stands still."""
_SEED = 0x6B
_LEFT_OUT = Unavailable(unavailable=Reason.NOT_REQUESTED, detail="a quick scan leaves the load out")


@dataclass
class Load:
    """A load under way: what each launch took and did."""

    device: Device
    source: Buffer
    wrong: Buffer
    rounds: int = _FIRST_ROUNDS
    seconds: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    results: int = 0
    lost: str = ""

    @property
    def spent(self) -> float:
        """Seconds of the device so far."""
        return sum(self.seconds)

    @property
    def blocks(self) -> int:
        """As many as run at once."""
        return BLOCKS_PER_SM * max(1, self.device.attributes.sm_count)

    def fill(self) -> None:
        """Give the memory that is read its pattern, and clear the account."""
        vectors = U64(self.source.size_bytes // 16)
        self.device.upload(self.wrong, np.zeros(2, np.uint32))
        arguments = (self.source, vectors, U32(_SEED))
        self.device.launch(FILL, blocks=self.blocks, threads=THREADS, arguments=arguments)

    def launch(self) -> None:
        """Run once; the next launch is as long as to last a tenth of a second."""
        vectors = U64(self.source.size_bytes // 16)
        arguments = (self.source, vectors, U32(_SEED), U32(self.rounds), self.wrong)
        seconds = self.device.launch(RUN, blocks=self.blocks, threads=THREADS, arguments=arguments)
        threads = self.blocks * THREADS
        self.seconds.append(seconds)
        self.rates.append(threads * self.rounds * SUMS_PER_ROUND / max(seconds, 1e-9))
        self.results += threads * self.rounds * CHAINS
        wanted = self.rounds * _LAUNCH_SECONDS / max(seconds, 1e-9)
        self.rounds = int(min(max(1, wanted), 8 * self.rounds, _MOST_ROUNDS))

    def rate(self, start: float, end: float) -> float:
        """Median rate of the launches that began between two times, of the last one where there are none, else 0."""
        begun = np.cumsum([0.0, *self.seconds])[:-1]
        chosen = [rate for rate, at in zip(self.rates, begun, strict=True) if start <= at < end]
        return median(chosen or self.rates[-1:] or [0.0])


def probe(device: Device, options: ProbeOptions) -> LoadTest | Unavailable:
    """Load the card and watch it. Raises ``OutOfDeviceMemory`` where not even 32 MiB are free."""
    if options.quick:
        return _LEFT_OUT
    wanted = DEEP_SECONDS if options.deep else SECONDS
    before = look(options.telemetry)
    held: list[Buffer] = []
    try:
        load = Load(device, take_largest(device, SIZES, held), _small(device, held))
        load.fill()
        during = _run(load, wanted, options)
        wrong = (0, 0) if load.lost else device.download(load.wrong, np.dtype(np.uint32), 2)
    finally:
        give_back(device, held)
    return LoadTest(
        duration_seconds=load.spent,
        before=before,
        during=during,
        after=look(options.telemetry),
        first_rate_per_second=load.rate(_RAMP_SECONDS, _RAMP_SECONDS + _WINDOW_SECONDS),
        last_rate_per_second=load.rate(load.spent - _WINDOW_SECONDS, load.spent),
        wrong_results=int(wrong[0]),
        wrong_reads=int(wrong[1]),
        results=load.results,
        lost=load.lost,
    )


def _run(load: Load, wanted: float, options: ProbeOptions) -> tuple[Telemetry, ...]:
    """Launch until the device's seconds are used up, or it is lost; look at the sensors four times a second.

    Reasons of what cannot be read are those of the readings before and after.
    """
    seen: list[Collected[Telemetry]] = []
    try:
        _go_on(load, wanted, options, seen)
    except DeviceLost as error:
        load.lost = error.message
    return tuple(one.model_copy(update={"missing": {}}) for one in seen if not isinstance(one, Unavailable))


def _go_on(load: Load, wanted: float, options: ProbeOptions, seen: list[Collected[Telemetry]]) -> None:
    look_at = 0.0
    while load.spent < wanted and len(load.seconds) < _MOST_LAUNCHES:
        if load.spent >= look_at:
            look_at = load.spent + _LOOK_EVERY_SECONDS
            seen.append(watched(load.launch, options.telemetry)[1])
        else:
            load.launch()
        options.tell(load.spent / wanted, "load")


def _small(device: Device, held: list[Buffer]) -> Buffer:
    held.append(device.allocate(8))
    return held[-1]
