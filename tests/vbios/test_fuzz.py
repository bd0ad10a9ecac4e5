"""Whatever the bytes are: facts or ``VbiosError``, soon, and nothing in the facts that a terminal would obey."""

from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpucheck.model.vbios import VbiosFacts
from gpucheck.render.style import Look
from gpucheck.render.vbios import render_vbios
from gpucheck.sources.vbios import VbiosError, parse
from tests.vbios.rom_builder import GENERATIONS, STRUCTURE, TABLE, TOKENS, build

MAGIC = (b"\x55\xaa", b"\x77\xbb", b"VN", b"PCIR", b"NPDS", b"RGIS", b"NPDE", b"NVGI", b"RFRD", b"\xff\xb8BIT\0")
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

Edits = list[tuple[int, bytes]]


@cache
def sound(generation: str, flash: bool) -> bytes:
    return build(generation, flash=flash)


def hold(data: bytes) -> VbiosFacts | None:
    """Parse, and check what must hold for any input."""
    refusal: VbiosError | None = None
    try:
        facts = parse(data)
    except VbiosError as error:
        refusal = error
    if refusal is not None:
        assert refusal.message.isprintable()
        assert refusal.hint
        return None
    assert VbiosFacts.model_validate_json(facts.model_dump_json()) == facts
    for image in facts.images:
        assert not image.whole or image.offset_bytes + image.length_bytes <= len(data)
    assert len(facts.images) <= 64
    assert all(len(text) <= 1024 for text in facts.raw.values())
    page = render_vbios(facts, "a.rom", Look())
    assert all(line.isprintable() for line in page.splitlines())
    return facts


hot = st.sampled_from(
    [*range(0x1C), *range(0x54, 0x6C), *range(STRUCTURE, STRUCTURE + 0x40), *range(TABLE, TABLE + 64)]
)
"""Where the structures of a sound image are; an edit there does most."""
warm = st.integers(min_value=0, max_value=0x4000) | st.integers(min_value=TOKENS, max_value=TOKENS + 0x140)
edits = st.lists(st.tuples(hot | warm, st.binary(min_size=1, max_size=8)), min_size=1, max_size=12)


@settings(QUIET, max_examples=350)
@given(st.sampled_from(sorted(GENERATIONS)), st.booleans(), edits)
def test_edited_roms(generation: str, flash: bool, changes: Edits) -> None:
    data = bytearray(sound(generation, flash))
    base = data.find(b"\x55\xaa") if flash else 0
    for at, content in changes:
        data[base + at : base + at + len(content)] = content
    hold(bytes(data))


@settings(QUIET, max_examples=120)
@given(st.sampled_from(sorted(GENERATIONS)), st.booleans(), st.integers(min_value=0, max_value=1 << 16))
def test_roms_that_end_anywhere(generation: str, flash: bool, length: int) -> None:
    data = sound(generation, flash)
    facts = hold(data[:length])
    if facts is not None and length < len(data) - 0x2000 * flash:
        assert not facts.complete or facts.images[-1].last or not flash


@settings(QUIET, max_examples=250)
@given(st.lists(st.sampled_from(MAGIC) | st.binary(max_size=40), max_size=40), st.integers(0, 1024))
def test_soups_of_magic_words(pieces: list[bytes], padding: int) -> None:
    hold(b"\xff" * padding + b"".join(pieces))
    hold(b"\x55\xaa\x20" + bytes(21) + b"\x1c\0\0\0PCIR\xde\x10" + b"".join(pieces) + bytes(padding))


@settings(QUIET, max_examples=150)
@given(st.binary(max_size=3000))
def test_any_bytes(data: bytes) -> None:
    hold(data)


def test_the_worst_that_was_thought_of() -> None:
    chain = bytearray(512)
    chain[0:2], chain[0x18:0x1A], chain[0x1C:0x22] = b"\x55\xaa", b"\x1c\0", b"PCIR\xde\x10"
    chain[0x2C:0x2E] = b"\x01\0"
    facts = hold(bytes(chain) * 2000)
    assert facts is not None
    assert len(facts.images) == 64
    endless = bytearray(chain)
    endless[0x2C:0x2E] = b"\0\0"
    assert hold(bytes(endless) * 3) is not None
    assert hold(b"\x55\xaa" * (1 << 20)) is None
    many = bytearray(sound("ada", flash=False))
    many[0x400:0x1700] = (b"\xff\xb8BIT\0\0\x01\x0c\x06\xff\0" * 0x200)[:0x1300]
    assert hold(bytes(many)) is not None
