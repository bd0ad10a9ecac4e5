"""What was not examined, and why, as sentences: for the terminal and for pages."""

from collections.abc import Sequence

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import SECTIONS, NvmlFacts
from gpucheck.model.finding import Status
from gpucheck.model.report import CardReport
from gpucheck.render import words


def unseen(card: CardReport) -> list[str]:
    """Absent sections by reason with the checks that they leave open, then single checks, then what does not apply."""
    absences = _absences(card)
    waiting = _waiting(card, {name for names in absences.values() for name in names})
    lines: list[str] = []
    for reason, names in absences.items():
        text = f"{words.REASONS[reason].capitalize()}: {', '.join(words.section(name) for name in names)}"
        text += _details(card, names)
        open_ = [title for name in names for title in waiting.pop(name, [])]
        lines.append(text + (f". Leaves open: {', '.join(open_)}." if open_ else "."))
    lines += [f"{', '.join(titles)}: {key}" for key, titles in waiting.items()]
    others = [finding.title for finding in card.findings if finding.status is Status.NOT_APPLICABLE]
    return lines + ([f"Does not apply: {', '.join(others)}."] if others else [])


def _absences(card: CardReport) -> dict[Reason, list[str]]:
    """Names of absent sections by reason, without the one of two twins that nobody asked for."""
    twin = {"nvml": "nvidia_smi", "nvidia_smi": "nvml"}
    groups: dict[Reason, list[str]] = {}
    for name in SECTIONS:
        section = getattr(card.evidence, name)
        if not isinstance(section, Unavailable):
            continue
        told_elsewhere = name in twin and isinstance(getattr(card.evidence, twin[name]), NvmlFacts)
        if not (told_elsewhere and section.unavailable is Reason.NOT_REQUESTED):
            groups.setdefault(section.unavailable, []).append(name)
    return groups


def _details(card: CardReport, names: Sequence[str]) -> str:
    said = dict.fromkeys(getattr(card.evidence, name).detail for name in names)
    told = "; ".join(detail.rstrip(".") for detail in list(filter(None, said))[:3])
    return f" ({told})" if told else ""


def _waiting(card: CardReport, absent: set[str]) -> dict[str, list[str]]:
    """Titles of the checks without an answer: by the absent section that they wait for, else by their message."""
    groups: dict[str, list[str]] = {}
    for finding in card.findings:
        if finding.status is Status.INCONCLUSIVE:
            place = finding.evidence[0].partition(".")[0] if finding.evidence else ""
            key = place if place in absent else finding.message.removeprefix("Not examined: ")
            groups.setdefault(key, []).append(finding.title)
    return groups
