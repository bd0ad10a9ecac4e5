"""Forged, altered and misrepresented cards, from crude to adversarial: each class with its parameters drawn.

The classes are those of public reports (``profiles/modifications``): another model's name or id, copied declarations,
forged and paged memory, enlarged and cut memory, laptop and mining dies, GeForce dies as professional ones, dies on
foreign boards, foreign firmware, replaced libraries, copied identities, edited texts. The adversary copies all that the
target declares, its ROM included, owns the driver, and sets the memory clock so that the bandwidth fits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from gpucheck.checks.memory_size import fits
from gpucheck.model.attestation import ATTESTING_DIES
from gpucheck.model.evidence import Twin
from gpucheck.model.finding import Kind
from gpucheck.model.profile import Profile
from gpucheck.model.units import MIB
from tests.lab.card import Draw, LabCard, Table
from tests.lab.honest import driver, every_sku, partner
from tests.lab.pairs import Pair, differs_in, is_hard, soldered_of

SHARED_SILICON = 6
"""Cards in a row that share one scan of the silicon."""

_TALKATIVE: Table = {"driver_version": "580.95.05"}
"""A host whose driver answers the queries below NVML."""
_REMARKED = frozenset({Kind.REMARKED, Kind.CAPACITY_FORGED})
"""A smaller card under a larger one's name also lacks memory: both words are right."""


@dataclass(frozen=True)
class Forgery:
    """One class. ``base`` is drawn once for cards in a row, ``make`` for each."""

    name: str
    base: Callable[[Draw], Any]
    make: Callable[[Draw, Any], LabCard]
    kinds: frozenset[Kind]
    catchable: bool = True


def _card(silicon: Table, declared: Table, **rest: Any) -> LabCard:
    return LabCard(0, "", silicon, declared, **rest)


def _size(profile: Profile) -> int:
    return profile.memory_sizes_bytes[-1]


def _complete(profile: Profile) -> bool:
    """Whether the catalog knows enough of a SKU to tell it from others."""
    return bool(profile.sm_counts and profile.device_ids and profile.bandwidths_bytes_per_second)


@cache
def _known() -> tuple[Profile, ...]:
    return tuple(profile for profile in every_sku() if _complete(profile) and profile.sku_class != "vgpu")


@cache
def _of(*classes: str) -> tuple[Profile, ...]:
    return tuple(profile for profile in _known() if profile.sku_class in classes and profile.form_factor != "laptop")


@cache
def _pair_with(kind: str) -> tuple[tuple[Profile, Profile], ...]:
    """Pairs of silicon and claim for the classes that need a certain relation of the two."""
    return tuple(
        (one, other)
        for one in _known()
        for other in _known()
        if one is not other and _RELATIONS[kind](one, other) and differs_in(Pair(one.id, other.id))
    )


@cache
def _attesting() -> tuple[Profile, ...]:
    return tuple(p for p in _known() if p.die.name in ATTESTING_DIES and p.die.name != "GB100")


@cache
def _tiered() -> tuple[Profile, ...]:
    """GeForce cards of the generations in which fuses, clocks and part numbers are all on record."""
    return tuple(p for p in _of("geforce") if p.form_factor == "desktop" and p.die.architecture in ("Ampere", "Ada"))


def _stem(profile: Profile) -> str:
    return profile.name.replace(" Mobile", "").replace(" Max-Q", "").replace(" Laptop", "")


_RELATIONS: dict[str, Callable[[Profile, Profile], bool]] = {
    "laptop": lambda a, b: a.form_factor == "laptop" and b.form_factor == "desktop" and _stem(a) == b.name != a.name,
    "mining": lambda a, b: a.sku_class == "mining" and b.sku_class != "mining" and a.die.name == b.die.name,
    "tier": lambda a, b: (
        a.sku_class == "geforce"
        and a.form_factor == "desktop"
        and b.form_factor in ("workstation", "pcie")
        and a.die.name == b.die.name
        and differs_in(Pair(a.id, b.id)) != ("memory type",)
        and a.die.capability_numbers >= (6, 0)
    ),
    "generation": lambda a, b: (
        a.die.compute_capability == b.die.compute_capability
        and a.sm_counts != b.sm_counts
        and b.sku_class in ("geforce", "workstation", "datacenter")
    ),
    "board": lambda a, b: (
        a.sku_class == "geforce"
        and a.form_factor == "desktop"
        and b.sku_class == "workstation"
        and b.form_factor == "workstation"
        and a.die.name == b.die.name
        and a.die.capability_numbers >= (6, 0)
    ),
}


def _any_pair(chance: Draw) -> tuple[Profile, Profile]:
    while True:
        one, other = chance.pick(_known()), chance.pick(_of("geforce", "workstation", "datacenter", "titan"))
        pair = Pair(one.id, other.id)
        if one is not other and differs_in(pair) and (is_hard(pair) or chance.likely(0.7)):
            return one, other


@cache
def _close(apart: bool) -> tuple[tuple[Profile, Profile], ...]:
    """Pairs with as many multiprocessors of one generation. ``apart``: a tier, or a rate that no slow card explains."""
    pairs = (
        (one, other)
        for one in _known()
        for other in _known()
        if one is not other and is_hard(pair := Pair(one.id, other.id)) and differs_in(pair)
    )
    return tuple(pair for pair in pairs if _apart(*pair) is apart)


def _apart(one: Profile, other: Profile) -> bool:
    """Whether a measurement settles it: memory faster than overclocking makes it, or half of the tensor rate."""
    silicon, claimed = soldered_of(one.id), soldered_of(other.id)
    tiers = {silicon.tensor_fp32_accumulate, claimed.tensor_fp32_accumulate}
    documented = one.die.capability_numbers < (12, 0)
    return silicon.bandwidth > 1.2 * claimed.bandwidth or (tiers == {"full", "half"} and documented)


def _relatives(apart: bool) -> Callable[[Draw], tuple[Profile, Profile]]:
    return lambda chance: chance.pick(_close(apart))


def _related(kind: str) -> Callable[[Draw], tuple[Profile, Profile]]:
    return lambda chance: chance.pick(_pair_with(kind))


def _one_of(*classes: str) -> Callable[[Draw], Profile]:
    return lambda chance: chance.pick(_of(*classes))


def _posing(chance: Draw, pair: tuple[Profile, Profile]) -> LabCard:
    """A perfect copy of the target's declaration, its ROM now and then included."""
    silicon, target = pair
    declared: Table = {"profile": target.id, **partner(chance, target)}
    if chance.likely(0.4):
        declared["vbios"] = {}
    return _card({"profile": silicon.id}, declared)


def _capped(chance: Draw, pair: tuple[Profile, Profile]) -> LabCard:
    """The same, with the memory clock set so that the bandwidth is the target's."""
    silicon, target = pair
    card = _posing(chance, pair)
    width = soldered_of(silicon.id).memory_bus_width_bits
    wanted = target.bandwidths_bytes_per_second[-1] * 8 / width / 1e9
    return replace(card, silicon={"profile": silicon.id, "memory_data_rate_gbps": round(min(wanted, 99.0), 2)})


def _renamed(chance: Draw, pair: tuple[Profile, Profile]) -> LabCard:
    """A patched name table: the name of the target over everything else of the card."""
    silicon, target = pair
    return _card({"profile": silicon.id}, {"profile": silicon.id, "name": f"NVIDIA {target.name}"})


def _id_rewritten(chance: Draw, pair: tuple[Profile, Profile]) -> LabCard:
    """The id of the target, and one or more facts of the card that the forger forgot."""
    silicon, target = pair
    left: list[Table] = [
        {"compute_capability": silicon.die.compute_capability},
        {"vbios_version": f"{silicon.die.vbios_families[0]}.18.80.5F"} if silicon.die.vbios_families else {},
        {"memory_bytes": _size(silicon)},
        {"memory_bus_width_bits": soldered_of(silicon.id).memory_bus_width_bits},
    ]
    kept = [each for each in left if chance.likely(0.5)]
    declared: Table = {"profile": target.id}
    for each in kept:
        declared |= each
    return _card({"profile": silicon.id}, declared)


@cache
def _sold(profile_id: str) -> tuple[Profile, ...]:
    """Every SKU that shares a device id with one: a size of any of them is no contradiction."""
    ids = set(next(p for p in every_sku() if p.id == profile_id).device_ids)
    return tuple(p for p in every_sku() if ids & set(p.device_ids))


def _unlisted(chance: Draw, profile: Profile, factors: Sequence[float]) -> int:
    """A size that no SKU of this device id was ever sold with."""
    size = int(_size(profile) * chance.pick(factors)) // (64 * MIB) * 64 * MIB
    while any(fits(other, size) for other in _sold(profile.id)):
        size += _size(profile)
    return size


def _capacity(chance: Draw) -> tuple[Profile, int, Table]:
    profile = chance.pick(_of("geforce", "workstation", "datacenter", "titan"))
    claimed = _unlisted(chance, profile, (1.5, 2, 3, 4))
    fault: Table = {"kind": chance.pick(("wraparound", "limbo", "shuffled_alias")), "real_bytes": _size(profile)}
    if fault["kind"] != "limbo" and chance.likely(0.3):
        fault["swizzle"] = int(chance.random() * 8192)
    return profile, claimed, fault


def _forged_capacity(chance: Draw, drawn: tuple[Profile, int, Table]) -> LabCard:
    profile, claimed, fault = drawn
    declared: Table = {"profile": profile.id, **partner(chance, profile), "memory_bytes": claimed}
    if chance.likely(0.5):
        declared["bar1_bytes"] = 1 << (claimed - 1).bit_length()
    return _card({"profile": profile.id, "memory_fault": [fault]}, declared)


def _paged(chance: Draw) -> tuple[Profile, int, Table]:
    profile = chance.pick(_of("geforce", "workstation"))
    fault = {"kind": "paged", "real_bytes": _size(profile), "factor": chance.between(0.01, 0.1, 3)}
    return profile, _unlisted(chance, profile, (1.5, 2, 4)), fault


def _enlarged(chance: Draw) -> tuple[Profile, int]:
    profile = chance.pick(_of("geforce"))
    return profile, _unlisted(chance, profile, (1.5, 2, 2, 2))


def _really_enlarged(chance: Draw, drawn: tuple[Profile, int]) -> LabCard:
    """Memory that a workshop added. The firmware's window stays, or was made to fit."""
    profile, size = drawn
    declared: Table = {"profile": profile.id, **partner(chance, profile), "memory_bytes": size}
    window = chance.pick((_size(profile), size))
    declared["bar1_bytes"] = chance.pick((256 * MIB, 1 << (window - 1).bit_length()))
    if chance.likely(0.3):
        declared["vbios"] = {}
    return _card({"profile": profile.id, "memory_bytes": size}, declared)


def _salvaged(chance: Draw) -> tuple[Profile, int, int]:
    """Channels that failed and were switched off: less bus, less memory."""
    while True:
        profile = chance.pick(_of("geforce"))
        width = soldered_of(profile.id).memory_bus_width_bits
        channels = width // 32
        left = channels - chance.pick((1, 2, 4))
        size = _size(profile) * left // channels
        if channels > 4 and left > 1 and size % 256 == 0 and not any(fits(p, size) for p in _sold(profile.id)):
            return profile, size, left * 32


def _cut(chance: Draw, drawn: tuple[Profile, int, int]) -> LabCard:
    profile, size, width = drawn
    facts = {"memory_bytes": size, "memory_bus_width_bits": width}
    return _card({"profile": profile.id, **facts}, {"profile": profile.id, **partner(chance, profile), **facts})


def _on_a_foreign_board(chance: Draw, pair: tuple[Profile, Profile]) -> LabCard:
    """Die and device id of a GeForce card; board data, and now and then memory and firmware, of a professional one."""
    die, board = pair
    code = f"G{int(chance.between(100, 599, 0)):03d}"
    data: list[Table] = [
        {"inforom_image_version": f"{code}.0500.00.{chance.pick(('01', '05'))}"},
        {"board_part_number": f"900-5{code}-1700-000"},
        {"gpu_part_number": f"{die.device_ids[0]:04X}-875-A1"},
    ]
    kept = [each for each in data if chance.likely(0.6)] or [chance.pick(data)]
    declared: Table = {"profile": die.id}
    for each in kept:
        declared |= each
    if chance.likely(0.4):
        declared["vbios"] = {"device_id": board.device_ids[0], "chip_sku": "875", "project": code}
    return _card({"profile": die.id}, declared)


def _foreign_firmware(chance: Draw, pair: tuple[Profile, Profile]) -> LabCard:
    """Firmware that was built for another die, or for another device id of the same."""
    own, other = pair
    families = [family for family in other.die.vbios_families if family not in own.die.vbios_families]
    if families:
        return _card({"profile": own.id}, {"profile": own.id, "vbios_version": f"{families[0]}.18.80.5F"})
    return _card({"profile": own.id}, {"profile": own.id, "vbios": {"device_id": other.device_ids[0]}})


def _behind_a_library(chance: Draw, pair: tuple[Profile, Profile]) -> LabCard:
    own, stated = pair
    library = {"profile": stated.id, "route": chance.pick(("replaced", "preloaded"))}
    return _card({"profile": own.id}, {"profile": own.id, "library": library})


def _cloned(chance: Draw, profile: Profile) -> LabCard:
    twins = tuple(Twin(label="0000:02:00.0", field=field) for field in ("uuid", "pdi")[: chance.pick((1, 2))])
    changes = (("scanned_together", 2), ("twins", twins))
    return _card({"profile": profile.id}, {"profile": profile.id, **partner(chance, profile)}, changes=changes)


def _edited(chance: Draw, pair: tuple[Profile, Profile]) -> LabCard:
    """A seller's text in which one line was changed, or several."""
    own, target = pair
    edits: list[Table] = [
        {"memory_bytes": _unlisted(chance, own, (2, 3))},
        {"name": f"NVIDIA {target.name}"},
        {"memory_bytes": _unlisted(chance, own, (2,)), "name": f"NVIDIA {target.name}"},
    ]
    return _card({"profile": own.id}, {"profile": own.id, **chance.pick(edits)}, unmeasured=True)


def _sold_as_another(chance: Draw, pair: tuple[Profile, Profile]) -> LabCard:
    """An honest card under a false listing: only the buyer's words tell."""
    own, claimed = pair
    declared = {"profile": own.id, **partner(chance, own)}
    return _card({"profile": own.id}, declared, claim=claimed.name)


def _laptop_sold_as_desktop(chance: Draw, pair: tuple[Profile, Profile]) -> LabCard:
    """On a desktop board: of a part in its laptop, the name that drivers print before the 30 series is no fraud."""
    own, claimed = pair
    declared = {"profile": own.id, **partner(chance, own)}
    return _card({"profile": own.id}, declared, claim=claimed.name, environment={"chassis": "desktop"})


def _attests_falsely(chance: Draw, profile: Profile) -> LabCard:
    """A die that should sign our question, and what comes back does not hold."""
    state = chance.pick(("wrong_root", "bad_signature", "stale_nonce", "other_firmware", "other_chip"))
    return _card({"profile": profile.id}, {"profile": profile.id, "attestation": {"state": state}})


def _unlocked(chance: Draw, profile: Profile) -> LabCard:
    """A mining card whose lock a patched driver lifts, under the declaration of a GeForce card of its die."""
    rates = {"ffma": 5, "dp": 6, "fmla32": 5}
    told = {"mining": chance.likely(0.7), "issue_rates": rates}
    declared = {"profile": profile.id, "resource_manager": told}
    return _card({"profile": profile.id}, declared, environment=dict(_TALKATIVE), observable=bool(told["mining"]))


def _other_memory(chance: Draw, profile: Profile) -> LabCard:
    """Firmware and driver run memory of a type that the model never had, a clock class or a bus apart."""
    other = chance.pick([kind for kind in ("GDDR5", "GDDR6", "GDDR6X", "GDDR7") if kind != profile.memory[0].type])
    declared: Table = {"profile": profile.id, "resource_manager": {"memory_type": other}}
    declared["memory_clock_max_mhz"] = round((profile.memory_clock_max_mhz or 8000) * chance.pick((0.4, 1.9)))
    return _card({"profile": profile.id}, declared, environment=dict(_TALKATIVE))


def _odd(chance: Draw, profile: Profile) -> LabCard:
    """Facts that each have an innocent cause, and are too many together."""
    odd: list[Table] = [
        {"brand": "Quadro"},
        {"memory_clock_max_mhz": round((profile.memory_clock_max_mhz or 8000) * 0.3)},
        {"power_default_watts": 60.0, "power_limit_watts": 60.0},
        {"pci": {"live_subsystem_id": 0x4043}},
        {"vbios": {"checksum": "bad"}},
        {"bar1_bytes": 1 << 30},
        {"gpu_part_number": "2204-300-A1" if profile.device_ids[0] != 0x2204 else "2206-200-A1"},
        {"sm_count": max(profile.sm_counts) + 2},
    ]
    kept = [each for each in odd if chance.likely(0.75)]
    declared: Table = {"profile": profile.id}
    for each in kept:
        declared |= each
    return _card({"profile": profile.id}, declared, observable=len(kept) > 5)


def _gaming_board(chance: Draw, profile: Profile) -> LabCard:
    """A data-centre die that names a maker of gaming cards, with a consumer's management data."""
    declared: Table = {"profile": profile.id, "subsystem_vendor_id": chance.pick((0x19DA, 0x1569, 0x3842))}
    declared |= {"subsystem_id": 0x4043, "inforom_image_version": "G001.0000.03.03", "power_default_watts": 100.0}
    return _card({"profile": profile.id}, declared)


def _perfect_transplant(chance: Draw, profile: Profile) -> LabCard:
    """The same die onto a board of the same model, with its firmware: nothing is left that could be read."""
    return _card({"profile": profile.id}, {"profile": profile.id, **partner(chance, profile)}, observable=False)


def _different(chance: Draw) -> tuple[Profile, Profile]:
    """Two models whose names and dies differ."""
    while True:
        one, other = (
            chance.pick(_of("geforce", "workstation", "datacenter")),
            chance.pick(_of("geforce", "workstation")),
        )
        if one.die.name != other.die.name and one.name != other.name and one.die.architecture != "Fermi":
            return one, other


FORGERIES: tuple[tuple[Forgery, int], ...] = (
    (Forgery("name of another model", _different, _renamed, frozenset({Kind.REMARKED})), 3),
    (Forgery("device id rewritten", _any_pair, _id_rewritten, _REMARKED | {Kind.MEMORY_ALTERED}), 6),
    (Forgery("whole declaration copied", _any_pair, _posing, _REMARKED), 12),
    (Forgery("copied declaration of a close relative", _relatives(True), _posing, _REMARKED), 5),
    (Forgery("declaration copied, clocks capped to fit", _related("generation"), _capped, _REMARKED), 8),
    (Forgery("forged memory size", _capacity, _forged_capacity, frozenset({Kind.CAPACITY_FORGED})), 8),
    (Forgery("host memory posing as the card's", _paged, _forged_capacity, frozenset({Kind.PAGED})), 3),
    (Forgery("memory enlarged", _enlarged, _really_enlarged, frozenset({Kind.MEMORY_ALTERED})), 6),
    (Forgery("memory channels cut", _salvaged, _cut, frozenset({Kind.MEMORY_ALTERED, Kind.REMARKED})), 4),
    (Forgery("laptop die as desktop card", _related("laptop"), _posing, _REMARKED), 4),
    (Forgery("mining card as another", _related("mining"), _posing, _REMARKED), 4),
    (Forgery("GeForce die as professional card", _related("tier"), _posing, _REMARKED), 4),
    (Forgery("die on a foreign board", _related("board"), _on_a_foreign_board, frozenset({Kind.TRANSPLANTED})), 5),
    (
        Forgery("foreign firmware", _different, _foreign_firmware, frozenset({Kind.REMARKED, Kind.FIRMWARE_ALTERED})),
        3,
    ),
    (
        Forgery(
            "replaced library", _different, _behind_a_library, frozenset({Kind.REMARKED, Kind.IDENTITY_CLONED})
        ),
        3,
    ),
    (Forgery("copied identity", _one_of("geforce", "datacenter"), _cloned, frozenset({Kind.IDENTITY_CLONED})), 2),
    (Forgery("honest card under a false listing", _different, _sold_as_another, frozenset({Kind.REMARKED})), 2),
    (
        Forgery("laptop card sold as desktop card", _related("laptop"), _laptop_sold_as_desktop,
                frozenset({Kind.REMARKED})),
        1,
    ),
    (
        Forgery("attestation that does not hold", lambda chance: chance.pick(_attesting()), _attests_falsely,
                frozenset({Kind.IDENTITY_CLONED, Kind.FIRMWARE_ALTERED, Kind.REMARKED})),
        1,
    ),
    (
        Forgery("mining die unlocked", lambda chance: chance.pick(_tiered()), _unlocked,
                frozenset({Kind.REMARKED, Kind.FIRMWARE_ALTERED})),
        1,
    ),
    (Forgery("memory of another type", lambda chance: chance.pick(_tiered()), _other_memory,
             frozenset({Kind.MEMORY_ALTERED})), 1),
    (Forgery("oddities that add up", lambda chance: chance.pick(_tiered()), _odd, frozenset(Kind)), 1),
    (Forgery("data-centre die on a consumer's board", _one_of("datacenter"), _gaming_board,
             frozenset({Kind.TRANSPLANTED})), 1),
    (Forgery("edited text", _different, _edited, frozenset({Kind.REMARKED, Kind.MEMORY_ALTERED})), 4),
    (
        Forgery("close relative that measures as a slow card of the model would", _relatives(False), _posing, _REMARKED,
                catchable=False),
        2,
    ),
    (
        Forgery("cannot be caught: same die, same model, matching firmware", _one_of("geforce"), _perfect_transplant,
                frozenset(), catchable=False),
        2,
    ),
)  # fmt: skip
"""Each with its share of the population."""


_ADVERSARIES = ("whole declaration copied", "declaration copied, clocks capped to fit")
"""They own the machine as well: no register is read, and the kernel driver is theirs or tells nothing."""


def _host(chance: Draw, forgery: Forgery) -> Table:
    """Whether the driver's resource manager and the registers, which tell the die, can be read."""
    if forgery.name in _ADVERSARIES:
        return {"missing": ["resource_manager"]}
    silent, root = chance.likely(0.7), chance.likely(0.15)
    return {**({"missing": ["resource_manager"]} if silent else {}), **({"root": True} if root else {})}


def forged_card(seed: int, number: int) -> LabCard:
    """Card ``number`` of the population. Runs of ``SHARED_SILICON`` share class and silicon."""
    shared = Draw(f"{seed}/forged/{number // SHARED_SILICON}")
    own = Draw(f"{seed}/forged/{number}/own")
    forgery = shared.choices([each for each, _ in FORGERIES], [share for _, share in FORGERIES])[0]
    base = forgery.base(shared)
    noise = shared.between(0.002, 0.01, 3)
    card = forgery.make(own, base)
    claimed = next(p for p in every_sku() if p.id == card.declared["profile"])
    return replace(
        card,
        number=number,
        group=forgery.name if card.observable or not forgery.catchable else f"{forgery.name}: too little to be seen",
        silicon={**card.silicon, "noise": noise},
        environment={"driver_version": driver(own, claimed), **(card.environment or _host(own, forgery))},
        kinds=forgery.kinds,
        observable=forgery.catchable and card.observable,
    )
