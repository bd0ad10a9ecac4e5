"""Goals for an H100 or H200, and which of them a run has met. What was not measured has neither met nor missed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Figures = Mapping[str, float | None]
"""By name: rates in bytes per second, shares and seconds; ``None`` or absent for what was not measured."""

FOR_DEVICES = ("H100", "H200")


@dataclass(frozen=True)
class Goal:
    """One goal: what is compared, and on which side of the limit it has to be."""

    title: str
    limit: float
    at_least: bool
    unit: str
    value_of: Callable[[Figures], float | None]


@dataclass(frozen=True)
class Result:
    """A goal with what was seen of it; ``met`` is ``None`` where it was not measured."""

    title: str
    goal: str
    value: float | None
    met: bool | None


def _share(name: str, of: str) -> Callable[[Figures], float | None]:
    def value(figures: Figures) -> float | None:
        part, whole = figures.get(name), figures.get(of)
        return part / whole if part is not None and whole else None

    return value


def _plain(name: str) -> Callable[[Figures], float | None]:
    return lambda figures: figures.get(name)


GOALS = (
    Goal("read against the DRAM peak", 0.92, True, "", _share("read", "peak")),
    Goal("copy against the DRAM peak", 0.89, True, "", _share("copy", "peak")),
    Goal("copy against PyTorch's", 1.0, True, "", _share("copy", "PyTorch copy")),
    Goal("share of the free memory that is walked", 0.99, True, "", _plain("free_share")),
    Goal("write-and-verify walk against the DRAM peak", 0.85, True, "", _share("walk", "peak")),
    Goal("spread of the slabs", 0.01, False, "", _plain("slab_spread")),
    Goal("scan --quick with cached kernels", 5.0, False, " s", _plain("quick_seconds")),
    Goal("default scan", 30.0, False, " s", _plain("default_seconds")),
)


def judge(figures: Figures) -> list[Result]:
    """Hold a run's figures against every goal."""
    return [_judged(goal, goal.value_of(figures)) for goal in GOALS]


def _judged(goal: Goal, value: float | None) -> Result:
    told = f"{'at least' if goal.at_least else 'at most'} {goal.limit:g}{goal.unit}"
    met = None if value is None else (value >= goal.limit if goal.at_least else value <= goal.limit)
    return Result(goal.title, told, value, met)


def lines(results: list[Result], device: str) -> list[str]:
    """Tell the results, missed ones first."""
    head = (
        "Goals" if any(name in device for name in FOR_DEVICES) else "Goals (set for H100 and H200, not for this card)"
    )
    words = {False: "MISSED", None: "not measured", True: "met"}
    ordered = sorted(results, key=lambda result: list(words).index(result.met))
    body = [
        f"  {words[r.met]:12} {r.title}: {'-' if r.value is None else f'{r.value:.3g}'} (goal: {r.goal})"
        for r in ordered
    ]
    return [head, *body]
