"""GDDR5 and GDDR5X of Pascal: every honest card passes, and no card with the one passes for a card with the other."""

from functools import cache

from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Status
from gpucheck.model.verdict import Authenticity
from gpucheck.pipeline import Plan, assess, collect
from gpucheck.simulation import Scenario, SimulatedCard
from tests.cards import catalog
from tests.lab.fraud_pairs import judge
from tests.lab.pairs import Pair, compose, profiles, soldered_of

_NOISE = 0.05


@cache
def ids() -> tuple[str, ...]:
    pascal = (profile for profile in profiles().values() if profile.die.architecture == "Pascal")
    return tuple(profile.id for profile in pascal if soldered_of(profile.id).memory_type in ("GDDR5", "GDDR5X"))


def hardly_known(profile_id: str) -> bool:
    """A SKU of which the catalog knows no rate of its memory stays open for other reasons."""
    return profiles()[profile_id].memory[0].bandwidth_bytes_per_second is None


def noisy(profile_id: str) -> Evidence:
    silicon = {"profile": profile_id, "noise": _NOISE}
    scenario = Scenario.model_validate({"title": "noisy", "silicon": silicon, "declared": {"profile": profile_id}})
    return collect(SimulatedCard(scenario, "noisy", profiles()[profile_id], profiles()[profile_id]), Plan(quick=True))


def test_every_honest_card_is_authentic() -> None:
    found = {i: assess(compose(Pair(i, i)), catalog()) for i in ids()}
    assert len(found) > 70
    lost = {i for i, card in found.items() if card.verdict.authenticity is not Authenticity.AUTHENTIC}
    assert {i for i in lost if not hardly_known(i)} == set()
    matches = [f for card in found.values() for f in card.findings if f.check == "silicon-match"]
    assert {f.status for f in matches} == {Status.PASS}


def test_no_card_passes_for_one_with_the_other_memory() -> None:
    pairs = [Pair(a, b) for a in ids() for b in ids() if soldered_of(a).memory_type != soldered_of(b).memory_type]
    found = judge(pairs, float("inf"))
    assert len(pairs) > 1900
    assert found.verdicts.total() == len(pairs)
    assert found.authentic == []


def test_noise_raises_no_alarm() -> None:
    for profile_id in ids():
        card = assess(noisy(profile_id), catalog())
        assert card.verdict.authenticity in (Authenticity.AUTHENTIC, Authenticity.INCONCLUSIVE), profile_id
        found = next(f for f in card.findings if f.check == "silicon-match")
        assert found.status is Status.PASS, (profile_id, found.message)
