"""The assessed document: what is saved, rendered and exchanged."""

from typing import Literal

from pydantic import AwareDatetime

from gpucheck.model.base import Frozen
from gpucheck.model.evidence import Evidence, Host
from gpucheck.model.finding import Finding
from gpucheck.model.verdict import Verdict


class Tool(Frozen):
    """Who wrote the report."""

    name: Literal["gpucheck"] = "gpucheck"
    version: str


class Rulebook(Frozen):
    """What the judgement rests on, so that it can be repeated."""

    weights: str
    """Digest of the table of weights."""
    catalog: str = ""
    """Digest of all reference data that a judgement can look at; empty in reports from before it was noted."""
    profiles: dict[str, str] = {}
    """Profile id to the digest of the file that holds it."""
    kernels: dict[str, str] = {}
    """Kernel family to the digest of its source, for those that ran on any of the cards."""


class MatchSummary(Frozen):
    """Which SKU the declared identity names. Where the silicon says otherwise, a finding says so."""

    profile: str | None = None
    profile_name: str | None = None
    candidates: tuple[str, ...] = ()
    modification: str | None = None
    modification_title: str | None = None
    basis: Literal["device_id", "name", "none"] = "none"
    claim: str | None = None


class CardReport(Frozen):
    """One card: its evidence, what it was matched to, the findings and the verdict."""

    simulated: str | None = None
    evidence: Evidence
    match: MatchSummary
    findings: tuple[Finding, ...]
    verdict: Verdict

    @property
    def called(self) -> str | None:
        """The SKU that the card declares, else the name that is stated of it."""
        return self.match.profile_name or self.evidence.stated_name


class Report(Frozen):
    """All cards of one run."""

    schema_version: Literal[1] = 1
    tool: Tool
    created_at: AwareDatetime
    rulebook: Rulebook
    host: Host
    cards: tuple[CardReport, ...]

    def of_one(self, position: int) -> "Report":
        """The report of one of its cards, from 0, as if that had been alone; the same where it is."""
        if len(self.cards) == 1:
            return self
        card = self.cards[position]
        profiles = {id_: digest for id_, digest in self.rulebook.profiles.items() if id_ in card.match.candidates}
        kernels = {family: self.rulebook.kernels.get(family, own) for family, own in card.evidence.kernels.items()}
        rulebook = self.rulebook.model_copy(update={"profiles": profiles, "kernels": kernels})
        return self.model_copy(update={"rulebook": rulebook, "cards": (card,)})
