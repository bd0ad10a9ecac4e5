"""How the card bears some seconds of full load.

What it checks: results of arithmetic and memory with a known answer, errors that were counted meanwhile, what held the
clocks down, and whether the rate was kept. With root, also how much hotter than its edge the hottest place is, and
whether one memory chip is far hotter than the others, where registers tell (Ampere and Ada).
Why it matters: weak cells, a failing supply and dried thermal paste show under load, and not before.
How it can be fooled: some seconds are short; ``--deep`` loads longer. Sensors are the driver's word.
A failure does not mean: a fake. A card at its power limit is as it should be, and a laptop gets hot.
References: ``nvmlDeviceGetCurrentClocksEventReasons``; burn-in tests compare with a known result in the same way. Open
monitoring tools read the registers of temperatures; 25 °C and 15 °C are what owners take for a cooler that sits badly.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured
from gpucheck.model.base import Unavailable
from gpucheck.model.counters import counted
from gpucheck.model.finding import Confidence, Severity, Status
from gpucheck.model.measured import LoadTest, Telemetry
from gpucheck.model.units import percent

KEPT = 0.8
"""Share of its first rate that a card keeps, if nothing holds it back."""
_MANY_CORRECTED = 100
_HOTSPOT_CELSIUS, _OUTLIER_CELSIUS = 25.0, 15.0
"""Above the die's edge, and above the median of the memory chips."""
_LAST_READINGS = 3
"""The hottest place heats up before the edge does, so only the end of the load counts."""
_FEW = 4
"""One in so many chips may be an outlier; more of them are a side of the board."""
_SEATED = "Have the cooler looked at: paste, pads, and whether it sits flat."
_COOLING = "Have fans, dust and thermal paste seen to; a card without fans needs the server's air."
_RETURN = "Do not rely on its results. Return it, or have it repaired."
_ORDER = list(Severity)


@dataclass(frozen=True)
class _Seen:
    """One thing that was noticed."""

    severity: Severity
    words: str
    path: str
    remedy: str = ""


@check(id="load-condition", title="Condition under load", severity=Severity.HIGH, about="condition")
def load_condition(case: Case) -> Outcome:
    """Weigh everything that the load brought up."""
    load = measured(case.evidence.load, "load")
    sensors = _sensors(load)
    if load.lost and (case.busy or case.evidence.host.mps):
        why = case.busy or "other programs share the card through MPS"
        return inconclusive(f"The card stopped answering under load: {load.lost}; {why}.", load.lost)
    found = [*_lost(load), *_wrong(case, load), *_counted(load)]
    if not case.busy and not _laptop(case):
        found += _held_down(load, case.how)
    if not _laptop(case):
        found += [*_hotspot(load), *_hot_chip(case, load)]
    if load.lost:
        return _outcome(found, "")
    observed = "; ".join(part for part in (_temperature(case, sensors), _power(sensors), _pace(load, case.how)) if part)
    slow = load.last_rate_per_second < KEPT * load.first_rate_per_second
    if not found and slow and (doubt := _doubt(case, sensors)):
        return inconclusive(f"The rate fell under load; {doubt}.", observed, f"at least {percent(KEPT)} kept")
    if not found:
        return Outcome(Status.PASS, _well(load, sensors), observed)
    return _outcome(found, observed)


def _outcome(found: list[_Seen], observed: str) -> Outcome:
    """Tell of all, the gravest first."""
    grave = sorted(found, key=_gravity)
    words = "; ".join(one.words for one in grave)
    return Outcome(
        Status.FAIL if grave[0].severity is not Severity.LOW else Status.PASS,
        f"Under load: {words}.",
        observed=f"{words}; {observed}" if observed else words,
        expected="right results, no error, clocks kept",
        remedy=grave[0].remedy,
        confidence=Confidence.HIGH if grave[0].severity is Severity.CRITICAL else Confidence.MEDIUM,
        evidence=tuple(dict.fromkeys(one.path for one in grave)),
        severity=grave[0].severity,
    )


def _gravity(one: _Seen) -> int:
    return -_ORDER.index(one.severity)


def _sensors(load: LoadTest) -> list[Telemetry]:
    return [one for one in (load.before, *load.during, load.after) if not isinstance(one, Unavailable)]


def _lost(load: LoadTest) -> list[_Seen]:
    if not load.lost:
        return []
    words = f"the card stopped answering after {load.duration_seconds:.1f} s ({load.lost})"
    remedy = "Look at power cables and supply and scan again. If it stays so, return it, or have it repaired."
    return [_Seen(Severity.HIGH, words, "load.lost", remedy)]


def _wrong(case: Case, load: LoadTest) -> list[_Seen]:
    found = []
    if load.wrong_results:
        words = f"{load.wrong_results:,} of {load.results:,} sums came out wrong ({case.how})"
        found.append(_Seen(Severity.CRITICAL, words, "load.wrong_results", _RETURN))
    if load.wrong_reads and not _known_faults(case):
        words = f"{load.wrong_reads:,} times memory gave back something else than was written ({case.how})"
        found.append(_Seen(Severity.CRITICAL, words, "load.wrong_reads", _RETURN))
    return found


def _known_faults(case: Case) -> bool:
    """Whether the walk has told already what is wrong with the memory, forged or damaged."""
    walk = case.evidence.memory_walk
    return not isinstance(walk, Unavailable) and bool(walk.faults)


def _counted(load: LoadTest) -> list[_Seen]:
    """Errors that the card's own counters added meanwhile."""
    if isinstance(load.before, Unavailable) or isinstance(load.after, Unavailable):
        return []
    found = []
    if new := _grown(load.before.ecc_uncorrected, load.after.ecc_uncorrected):
        words = f"{new:,} new uncorrectable memory errors (declared)"
        found.append(_Seen(Severity.CRITICAL, words, "load.after.ecc_uncorrected", _RETURN))
    if new := _grown(load.before.ecc_corrected, load.after.ecc_corrected):
        severity = Severity.MEDIUM if new >= _MANY_CORRECTED else Severity.LOW
        words = f"{new:,} new corrected memory errors (declared)"
        found.append(
            _Seen(severity, words, "load.after.ecc_corrected", "Scan again and watch whether the count grows.")
        )
    return found


def _grown(before: int | None, after: int | None) -> int:
    first, last = counted(before), counted(after)
    return max(0, last - first) if first is not None and last is not None else 0


def _held_down(load: LoadTest, how: str) -> list[_Seen]:
    """Slowdowns for heat and by the hardware, graver where the rate fell with them; a moment's is none."""
    reasons, path = _lasting(load), "load.during.throttle_reasons"
    kept = load.last_rate_per_second / max(load.first_rate_per_second, 1e-9)
    fell = f", and its rate fell to {percent(kept)} ({how})" if kept < KEPT else ""
    severity = Severity.HIGH if fell else Severity.MEDIUM
    seconds = f"within {load.duration_seconds:.0f} s (declared)"
    if "thermal" in reasons:
        return [_Seen(severity, f"it slowed down for heat {seconds}{fell}", path, _COOLING)]
    if "hardware" in reasons:
        remedy = "Look at power cables and supply, then at the cooling."
        return [_Seen(severity, f"the hardware's own brake acted {seconds}{fell}", path, remedy)]
    if fell and not _reasons(load.during) and _told(load):
        words = f"its rate fell to {percent(kept)} ({how}) for no reason that the driver tells"
        return [_Seen(Severity.MEDIUM, words, "load.last_rate_per_second", "Scan again; look at supply and cooling.")]
    return []


def _hotspot(load: LoadTest) -> list[_Seen]:
    """The die's hottest place far above its edge, in every one of the last readings."""
    last = load.during[-_LAST_READINGS:]
    above = [
        one.hotspot_celsius - one.temperature_celsius
        for one in last
        if one.hotspot_celsius is not None and one.temperature_celsius is not None
    ]
    if not above or len(above) < len(last) or min(above) <= _HOTSPOT_CELSIUS:
        return []
    words = f"the die's hottest place was {min(above):.0f} °C above its edge (declared)"
    return [_Seen(Severity.MEDIUM, words, "load.during.hotspot_celsius", _SEATED)]


def _hot_chip(case: Case, load: LoadTest) -> list[_Seen]:
    """A memory chip or two far above the others, in every one of the last readings."""
    if not _has_sensors(case):
        return []
    last = load.during[-_LAST_READINGS:]
    above = [hottest for one in last if (hottest := _outlier(one.memory_chips_celsius)) is not None]
    if not above or len(above) < len(last):
        return []
    words = f"one memory chip was {min(above):.0f} °C hotter than most (declared)"
    return [_Seen(Severity.MEDIUM, words, "load.during.memory_chips_celsius", _SEATED)]


def _outlier(chips: Sequence[float]) -> float | None:
    """How far the hottest chip is above the median, where that is far and only few are."""
    if len(chips) < _FEW:
        return None
    middle = sorted(chips)[len(chips) // 2]
    far = [degrees - middle for degrees in chips if degrees - middle > _OUTLIER_CELSIUS]
    return max(far) if 0 < len(far) <= len(chips) // _FEW else None


def _has_sensors(case: Case) -> bool:
    """Whether every memory that the SKU is sold with has sensors of its own: what others answer is no temperature."""
    return {layout.type for p in case.match.fitting for layout in p.memory} == {"GDDR6X"}


def _told(load: LoadTest) -> bool:
    """Whether the driver told, all the way, what holds the clocks down."""
    return bool(load.during) and all(one.throttle_reasons is not None for one in load.during)


def _doubt(case: Case, sensors: list[Telemetry]) -> str:
    """Why a fallen rate is nobody's fault yet; empty where it has a reason that is as it should be."""
    reasons = _reasons(sensors)
    if case.busy:
        return f"{case.busy}, which may be why"
    if reasons & {"power", "user"} or _laptop(case):
        return ""
    return "the driver does not tell why"


def _laptop(case: Case) -> bool:
    """Whether the card sits where heat and small supplies are part of the design."""
    chassis = case.evidence.host.chassis
    return chassis == "laptop" or (chassis == "unknown" and any(p.form_factor == "laptop" for p in case.match.fitting))


def _reasons(sensors: Sequence[Telemetry]) -> set[str]:
    return {reason for one in sensors for reason in one.throttle_reasons or ()}


def _lasting(load: LoadTest) -> set[str]:
    """Reasons that were seen more than once under load, or in the only reading."""
    seen = Counter(reason for one in load.during for reason in one.throttle_reasons or ())
    return {reason for reason, times in seen.items() if times >= min(2, len(load.during))}


def _well(load: LoadTest, sensors: list[Telemetry]) -> str:
    kept = min(1.0, load.last_rate_per_second / max(load.first_rate_per_second, 1e-9))
    limited = " It ran at its power limit, as cards do (declared)." if "power" in _reasons(sensors) else ""
    hot = " It slowed down for heat, as laptops do (declared)." if "thermal" in _reasons(sensors) else ""
    right = "all sums right, memory wrong as the walk found it" if load.wrong_reads else "all results right"
    told = f"{load.duration_seconds:.0f} s of full load: {right}, {percent(kept)} of the first rate kept."
    return told + limited + hot


def _temperature(case: Case, sensors: list[Telemetry]) -> str:
    core = max((one.temperature_celsius for one in sensors if one.temperature_celsius), default=None)
    hottest = max((one.hotspot_celsius for one in sensors if one.hotspot_celsius), default=None)
    chip = max((degrees for one in sensors for degrees in one.memory_chips_celsius), default=None)
    memory = max((one.memory_temperature_celsius for one in sensors if one.memory_temperature_celsius), default=None)
    limit = next((one.slowdown_celsius for one in sensors if one.slowdown_celsius), None)
    parts = [
        f"core {core:.0f} °C at most" + (f", slows down at {limit:.0f} °C" if limit else "") if core else "",
        f"its hottest place {hottest:.0f} °C at most" if hottest else "",
        f"memory {memory:.0f} °C at most" if memory else "",
        f"hottest memory chip {chip:.0f} °C at most" if chip and _has_sensors(case) else "",
    ]
    words = "; ".join(part for part in parts if part)
    return f"{words} (declared)" if words else ""


def _power(sensors: list[Telemetry]) -> str:
    most = max((one.power_watts for one in sensors if one.power_watts), default=None)
    return f"{most:.0f} W at most (declared)" if most else ""


def _pace(load: LoadTest, how: str) -> str:
    first, last = load.first_rate_per_second / 1e12, load.last_rate_per_second / 1e12
    return f"{first:,.2f} T fused multiply-adds/s at first, {last:,.2f} at the end ({how})"
