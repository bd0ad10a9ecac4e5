"""The one table of weights.

A weight is in decibans: ten times the decimal logarithm of how much likelier an observation is on a genuine card than
on one that is not. +10 means ten times likelier when genuine, -20 a hundred times likelier when not. All figures are
expert estimates until they can be fitted; ``why`` says what was assumed. Within a group the observations hang together
(one reflash changes them all), so only the strongest counts. A decisive failure is a physical impossibility, or a plain
contradiction of the sale, and settles the matter alone.
"""

import hashlib
from functools import cache
from typing import Literal, NamedTuple

from gpucheck.model.finding import Confidence


class Weight(NamedTuple):
    """What one check's answer is worth."""

    check: str
    on_fail: int
    on_pass: int
    group: str
    decisive: bool
    why: str
    required: bool = False
    """A pass of it is needed for ``authentic``."""
    settles: Literal["counterfeit", "modified"] = "counterfeit"
    """What a decisive failure makes of the card."""
    unsure: int | None = None
    """What a failure at low confidence is worth, which then settles nothing; None where confidence is no matter."""

    def worth(self, confidence: Confidence) -> int:
        """Decibans of a failure."""
        return self.on_fail if self._is_sure(confidence) else self.unsure or 0

    def settles_alone(self, confidence: Confidence) -> bool:
        """Whether a failure settles the matter."""
        return self.decisive and self._is_sure(confidence)

    def _is_sure(self, confidence: Confidence) -> bool:
        return self.unsure is None or confidence is not Confidence.LOW


WEIGHTS: tuple[Weight, ...] = (
    Weight("claim", -60, 0, "claim", True, "sold as one SKU, states another: the sale itself is contradicted"),
    Weight("laptop-die", -60, 0, "claim", True, "fails only against a claim for a desktop model"),
    Weight("compute-capability", -60, 20, "silicon", True, "code of another generation cannot run; posing as an older "
           "one is conceivable, so a pass is worth 100:1 at most", required=True),
    Weight("multiprocessors", -60, 20, "silicon", True, "fused-off units cannot run blocks; one card in a hundred of "
           "another SKU would share the count. One table alone settles nothing: of 85 SKUs that real cards told of, it "
           "was wrong of one, and of the counts that an error may give not half are another SKU's", required=True,
           unsure=-22),
    Weight("arithmetic-rates", -30, 5, "arithmetic", False, "counts from a factor of two on; one honest SKU in a "
           "thousand may have a wrong profile. Half of all other SKUs share the rates", required=True),
    Weight("tensor-tier", -40, 5, "arithmetic", False, "a fuse settles it, but tiers are rules for a class and were "
           "never held against real silicon here: not decisive until they are. A mining lock fails both, so one group; "
           "not the generation's, because SKUs of one die and generation may differ in this alone", required=True),
    Weight("issue-rate", -15, 0, "arithmetic", False, "full speed against fuses that slow it down is a lock that was "
           "lifted; what the driver's answer rests on was read in its source and never compared on many cards"),
    Weight("numeric-fingerprint", -25, 0, "silicon", False, "another adder is another generation, which that check "
           "tells too; the facts are others' measurements. A pass counts nothing, so that silicon of which nothing is "
           "published loses nothing"),
    Weight("sm-limits", -30, 3, "silicon", False, "built into a generation; more than the die has was never seen, but "
           "the measurement is young; hangs together with the generation"),
    Weight("memory-capacity", -60, 10, "memory", True, "every cell proven; a forger's card with all of its memory is a "
           "tenth of forgeries at most", required=True),
    Weight("memory-residency", -60, 3, "memory", True, "no host bus reaches a quarter of the card's own rate",
           required=True),
    Weight("memory-bandwidth", -15, 5, "bandwidth", False, "slow by heat or load in perhaps 3 % of honest scans; "
           "another SKU often has similar bandwidth", required=True),
    Weight("memory-speed", -22, 0, "bandwidth", False, "a steady rate that no overclocking explains, or another "
           "model's to a few percent: a profile that errs explains 1 in 300, a clock that is stuck there fewer"),
    Weight("l2-capacity", -15, 4, "cache", False, "a knee far from the SKU's cache in perhaps 3 % of honest scans, "
           "beside other programs; a group of its own, since a disturbed curve must not outvote the census, and what "
           "it adds is to tell apart dies of one count and generation. Of 153 SKUs that real cards told of, the table "
           "was wrong of 10, by more than the check allows", unsure=-11),
    Weight("silicon-match", -30, 10, "silicon", False, "fails at 1000:1 between SKUs. In the group of generation and "
           "multiprocessors, as it counts them again. The rates were never fitted to real cards and a catalog errs, so "
           "it does not decide alone; a pass leaves one in ten, as many SKUs measure alike", required=True),
    Weight("attested-die", -60, 0, "attestation", True, "a key that NVIDIA certified when the die was made signed our "
           "own question and names another chip: nobody else can make that signature. A pass counts nothing, so that "
           "dies that cannot attest, or are not asked, lose nothing"),
    Weight("attestation", -25, 0, "attestation", False, "a chain, signature or answer that does not hold: so far only "
           "reports made for tests. What is cut off, or may be a wrong clock, is left open; faults of a driver and "
           "engineering samples explain perhaps 1 in 300"),
    Weight("die-register", -60, 0, "silicon", True, "a number wired in silicon; what may answer in the card's place is "
           "left open. A pass counts nothing, so that a scan without root is not worth less"),
    Weight("fused-device-id", -20, 0, "silicon", False, "fuses do not change, but one survey alone says where they "
           "are: perhaps 1 in 100 is a card that it had not seen. A pass as above"),
    Weight("memory-organisation", -15, 0, "capacity", False, "a bit that open tools read so, never held against every "
           "model; an unknown board revision explains perhaps 1 in 30. A pass as above"),
    Weight("memory-size", -25, 5, "capacity", False, "0 of 60 genuine captures outside the legal sizes"),
    Weight("known-modification", -40, 0, "capacity", True, "the total or subsystem of a described modification; no "
           "genuine capture shows one", settles="modified"),
    Weight("memory-straps", -22, 0, "capacity", False, "densities agree on 14 public images of cards whose "
           "chips are known; needs a ROM, so a pass is worth nothing, lest a scan without root be worth less"),
    Weight("memory-type", -15, 0, "capacity", False, "the firmware drives memory that the model was never built with; "
           "a second memory type that is not on record explains perhaps 1 in 30. Older drivers do not tell, so a pass "
           "counts nothing"),
    Weight("bar1-size", -12, 2, "capacity", False, "18 of 18 genuine resizable-BAR cards reach their memory"),
    Weight("product-flags", -25, 0, "firmware", False, "the driver's own mark of mining dies on another model's id; a "
           "mark of laptop parts counts only beside a second sign. The marks were never compared on many cards, so 1 "
           "in 300 is innocent"),
    Weight("vbios-family", -50, 3, "firmware", True, "0 of 156 genuine captures contradict; firmware of another die "
           "cannot initialise the chip"),
    Weight("vbios-agreement", -25, 0, "firmware", False, "firmware built for another id or die; 0 of 45 public images "
           "contradict themselves so. Copies, files of other cards and guests are left open, so 1 in 300 is innocent"),
    Weight("vbios-integrity", -8, 0, "firmware", False, "damage explains it as well as an edit, and edits correct "
           "checksums: a failure is weak, a pass nothing"),
    Weight("gpu-part-number", -25, 2, "firmware", False, "68 of 68 genuine captures agree"),
    Weight("chip-sku", -22, 0, "firmware", False, "classes agree for 45 part numbers and 32 public images; a "
           "number never seen may break the rule in 1 of 200. The part number's device id tells more"),
    Weight("product-name", -25, 1, "firmware", False, "renamed by a patched driver; unknown names never fail"),
    Weight("architecture", -40, 2, "driver-view", True, "read from the chip by the driver; no innocent cause known"),
    Weight("core-count", -25, 2, "driver-view", False, "read from fuses by the driver; profiles may err in 1 of 300"),
    Weight("bus-width", -25, 2, "driver-view", False, "as the core count; salvaged cards fail rightly"),
    Weight("memory-clock", -8, 1, "driver-view", False, "firmware and overclocking move it; weak"),
    Weight("brand", -8, 1, "board", False, "names changed over the years; weak"),
    Weight("board-fingerprint", -22, 3, "board", False, "project codes agree in 42 of 42 genuine captures"),
    Weight("board-project", -22, 1, "board", False, "project codes agree in 42 of 42 genuine captures, 20 of 20 "
           "GeForce cards carry the common data"),
    Weight("subsystem", -8, 1, "board", False, "makers are not all on record; weak"),
    Weight("sibling-functions", -20, 1, "functions", False, "12 dies of genuine captures agree; a wrong id on record "
           "explains perhaps 1 in 100"),
    Weight("pcie-link", -12, 1, "link", False, "capability, not state; straps and repairs move it"),
    Weight("host-link", -12, 0, "link", False, "no link exceeds its lanes; a profile's link may be wrong in a few of a "
           "hundred; being slow, or not fast, says nothing"),
    Weight("power-limits", -6, 0, "power", False, "partners, small machines and owners move limits; weak"),
    Weight("module-carrier", 0, 0, "link", False, "an adapter is noted and moves nothing"),
    Weight("identity-unique", -30, 0, "identity", False, "two dies cannot share a fused identity; but which of the "
           "two is the copy is open, so each is suspect and none is settled"),
    Weight("source-agreement", -40, 3, "sources", True, "two routes to one fact cannot differ on an honest machine. "
           "Of files that a bus address alone joins perhaps one pair in a hundred is of two machines", unsure=-22),
    Weight("subsystem-live", -10, 1, "sources", False, "firmware flashed since the start, or an id written by hand, "
           "explains perhaps 1 in 10"),
    Weight("driver-integrity", -30, 1, "sources", False, "fails only with a strange library and a contradicted "
           "identity; a pass proves little, for a patched kernel passes too"),
    Weight("driver-support", -18, 1, "sources", False, "power and slot faults explain perhaps 1 in 60: a missing cable "
           "alone must not make a card suspect"),
    Weight("rework-signs", -6, 0, "rework", False, "fails only beside a contradiction; errors have many causes, and "
           "the support that they give is capped"),
    Weight("device-on-bus", 0, 0, "condition", False, "condition never moves authenticity"),
    Weight("driver-faults", 0, 0, "condition", False, "condition never moves authenticity"),
    Weight("memory-faults", 0, 0, "condition", False, "condition never moves authenticity"),
    Weight("memory-uniformity", 0, 0, "condition", False, "condition never moves authenticity"),
    Weight("memory-health", 0, 0, "condition", False, "condition never moves authenticity"),
    Weight("memory-training", 0, 0, "condition", False, "condition never moves authenticity"),
    Weight("bus-errors", 0, 0, "condition", False, "condition never moves authenticity"),
    Weight("link-errors", 0, 0, "condition", False, "condition never moves authenticity"),
    Weight("load-condition", 0, 0, "condition", False, "condition never moves authenticity"),
)  # fmt: skip

BY_CHECK = {weight.check: weight for weight in WEIGHTS}

SUSPECT_AT = -20
"""Sum of the groups that speak against the card, at or below which it is ``suspect``: a hundred to one."""
DOUBT_AT = -12
"""The same sum, at or below which a card cannot be ``authentic``: sixteen to one is a question, if no accusation."""
AUTHENTIC_FROM = 20
"""Sum of all groups from which a card may be ``authentic``."""
COVERAGE_FLOOR = 0.6
"""Share of the weight that must have been examined before a card may be ``authentic``."""


@cache
def weights_digest() -> str:
    """Digest of the table and its thresholds, for the rulebook of a report."""
    text = repr((WEIGHTS, SUSPECT_AT, DOUBT_AT, AUTHENTIC_FROM, COVERAGE_FLOOR))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
