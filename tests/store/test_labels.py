"""Labels, read back as a scanner and a person would."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pypdfium2
import pytest
import zxingcpp
from click.testing import CliRunner, Result
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from gpucheck.cli.app import cli
from gpucheck.model.inventory import Identity, Intake, Item, Labelled, Notice, label_code
from gpucheck.render.document import render_json
from gpucheck.render.inventory import labels
from gpucheck.render.inventory.labels import Labels, render_labels
from gpucheck.render.inventory.paper import SHEETS, paper_of
from gpucheck.store.store import open_store
from tests.builders import WHEN
from tests.store.given import BOARD, OTHER_BOARD, A, B, visit

DPI = 300
DIGEST = "sha256:" + "0123456789abcdef" * 4
EVERY_KIND = ("remarked", "memory_altered", "capacity_forged", "transplanted", "firmware_altered", "identity_cloned")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["inventory", *arguments])


def label(number: int = 38, **changes: Any) -> Labelled:
    given = {"model": "GeForce RTX 4090", "verdict": "counterfeit", "kinds": ("capacity_forged",), "condition": "good",
             "simulated": None, "label": "RMA 7", "location": "shelf 4", "customer": "Kim",
             "serial": "1320821287998"} | changes  # fmt: skip
    intake = Intake(
        1, number, 1, 0, WHEN, WHEN, "0.1", "Linux", None, given["simulated"], given["model"], given["verdict"],
        given["condition"], given["kinds"], "w", "c", DIGEST, Identity(serial=given["serial"]),
    )  # fmt: skip
    words = given["label"], given["location"], given["customer"]
    return Labelled(Item(number, WHEN, *words, 1, intake, given["verdict"]), (), label_code(number, DIGEST))


HOSTILE = label(
    123456, model="A" * 90 + " B" * 15, kinds=EVERY_KIND, condition="defective", simulated="rtx-4090",
    label="L" * 200, location=") Tj 1 0 0 rg (" * 12, customer="\\" * 200, serial="1" * 90,
)  # fmt: skip


class Page(NamedTuple):
    """A page as it is seen: its size and the boxes of its characters in mm from its upper left corner."""

    size: tuple[float, float]
    text: str
    boxes: list[tuple[float, float, float, float]]
    """Left, top, right, bottom."""


def pages(pdf: bytes) -> list[Page]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [_page(page) for page in document]
    finally:
        document.close()


def _page(page: Any) -> Page:
    width, height = (points * 25.4 / 72 for points in page.get_size())
    read = page.get_textpage()
    boxes = [[value * 25.4 / 72 for value in read.get_charbox(n)] for n in range(read.count_chars())]
    seen = [(left, height - top, right, height - bottom) for left, bottom, right, top in boxes if right > left]
    return Page((width, height), " ".join(read.get_text_range().split()), seen)


def scanned(pdf: bytes) -> list[str]:
    """What a scanner reads, page by page and from left to right, of what a label printer printed."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [code for page in document for code in _codes(page)]
    finally:
        document.close()


def _codes(page: Any) -> list[str]:
    found = zxingcpp.read_barcodes(page.render(scale=DPI / 72).to_pil())
    return [code.text for code in sorted(found, key=lambda code: (_corner(code).y // 50, _corner(code).x))]


def _corner(code: Any) -> Any:
    return code.position.top_left


def written(pdf: bytes) -> str:
    return " ".join(page.text for page in pages(pdf))


@pytest.mark.parametrize("size", ["62x29", "29x62", "40x20", "20x40", "100 x 150 mm", "300x300", "a4", "letter"])
def test_a_label_of_any_size_can_be_scanned_and_read(size: str) -> None:
    paper = paper_of(size)
    made = render_labels([label(), HOSTILE], paper)
    assert scanned(made.pdf) == [f"gpucheck:38:{DIGEST}", f"gpucheck:123456:{DIGEST}"]
    text = written(made.pdf)
    for words in ("#38 GeForce RTX 4090 COUNTERFEIT memory size forged", "SIMULATED #123456", "DEFECTIVE"):
        assert words in text
    for page in pages(made.pdf):
        width, height = page.size
        assert page.size == pytest.approx(paper.page, abs=0.1)
        for left, top, right, bottom in page.boxes:
            assert 0 <= left < right <= width, "all of it is on the label"
            assert 0 <= top <= bottom <= height


def test_what_stands_on_a_label() -> None:
    text = written(render_labels([label()], paper_of("62x29")).pdf)
    assert text == (
        "#38 GeForce RTX 4090 COUNTERFEIT memory size forged RMA 7, Kim, shelf 4 "
        f"examined {WHEN.date()} S/N 1320821287998 0123456789ab"
    )


def test_labels_tell_what_the_inventory_noticed(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "inventory.sqlite"))
    store.add(visit(0, **A, **BOARD))
    store.add(visit(9, **B, **BOARD))
    (found,) = store.labelled([1])
    assert isinstance(found.notices[0], Notice)
    assert "MODIFIED die on a foreign board" in written(render_labels([found], paper_of("62x29")).pdf)


@pytest.mark.parametrize(("size", "count"), [("a4", 24), ("letter", 30), ("62x29", 1)])
def test_a_sheet_is_filled_before_the_next(size: str, count: int) -> None:
    many = [label(number) for number in range(1, count + 2)]
    shown = pages(render_labels(many, paper_of(size)).pdf)
    assert [page.text.count("examined") for page in shown] == [count, 1]
    if count > 1:
        skipped = pages(render_labels(many[:3], paper_of(size), skip=count - 2).pdf)
        assert [page.text.count("#") for page in skipped] == [2, 1]


@pytest.mark.parametrize("size", sorted(SHEETS))
def test_each_label_of_a_sheet_stays_within_its_own(size: str) -> None:
    paper = SHEETS[size]
    many = [HOSTILE._replace(item=HOSTILE.item._replace(number=n)) for n in range(paper.labels)]
    (page,) = pages(render_labels(many, paper).pdf)
    for left, top, right, bottom in page.boxes:
        across, down = left - paper.left, top - paper.top
        assert across % paper.across + right - left <= paper.width, "no text reaches into the gap or the next one"
        assert down % paper.down + bottom - top <= paper.height


def test_the_same_labels_are_the_same_file() -> None:
    first, again = (render_labels([label(), HOSTILE], paper_of("a4")).pdf for _ in range(2))
    assert first == again


def font_with(folder: Path, characters: str) -> Path:
    """A font in which every character is a box."""
    pen = TTGlyphPen(None)
    for place in ((0, 0), (0, 500), (500, 500), (500, 0)):
        pen.lineTo(place) if place != (0, 0) else pen.moveTo(place)
    pen.closePath()
    names = [".notdef", *(f"g{ord(character)}" for character in characters)]
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder(names)
    made.setupCharacterMap({ord(character): f"g{ord(character)}" for character in characters})
    made.setupGlyf(dict.fromkeys(names, pen.glyph()))
    made.setupHorizontalMetrics(dict.fromkeys(names, (600, 0)))
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": "Boxes", "styleName": "Regular"})
    made.setupOS2(sTypoAscender=800, sTypoDescender=-200)
    made.setupPost()
    path = folder / "boxes.ttf"
    made.save(path)
    return path


def test_characters_that_a_font_lacks_are_told_of(tmp_path: Path) -> None:
    foreign = label(customer="\u0141ukasz \u540d")
    plain = render_labels([foreign], paper_of("62x29"))
    assert plain.missing == "\u0141\u540d"
    assert "RMA 7, ?ukasz ?, shelf 4" in written(plain.pdf)
    ascii_ = "".join(map(chr, range(32, 127)))
    own = render_labels([foreign], paper_of("62x29"), font_with(tmp_path, ascii_ + "\u0141"))
    assert own.missing == "\u540d"
    assert "\u0141ukasz ?" in written(own.pdf)
    assert scanned(own.pdf) == [foreign.code]


def filled(folder: Path) -> None:
    for number, report in enumerate((visit(0, **A, **BOARD), visit(0, **B, **OTHER_BOARD))):
        path = folder / f"{number}.json"
        path.write_text(render_json(report))
        assert run("add", str(path)).exit_code == 0


def test_labels_are_printed_for_chosen_items_and_their_codes_find_them(tmp_path: Path) -> None:
    filled(tmp_path)
    file = tmp_path / "labels.pdf"
    calls = {"1-2": [1, 2], "#2": [2], "2 1 2": [2, 1], "--verdict authentic": [1, 2], "--condition good": [1, 2]}
    for chosen, numbers in calls.items():
        result = run("labels", *chosen.split(), "-o", str(file))
        assert (result.exit_code, result.output) == (0, "")
        codes = scanned(file.read_bytes())
        assert [int(code.split(":")[1]) for code in codes] == numbers
    found = run("list", codes[1], "--json").stdout
    assert found.count('"created_at"') == 1
    assert '"number": 2,' in found
    assert (
        run("labels", "1", "-o", "-").stdout_bytes == render_labels(open_store().labelled([1]), paper_of("62x29")).pdf
    )


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "Name some"),
        (("x",), 2, "'x' names no item"),
        (("5-3",), 2, "names no item"),
        (("0",), 2, "no item 0"),
        (("1-9",), 2, "no item "),
        (("1-99999999",), 2, "10,000"),
        (("1", "--paper", "10x10"), 2, "smallest is 40 x 20 mm"),
        (("1", "--paper", "nanxinf"), 2, "cannot be drawn"),
        (("1", "--paper", "wide"), 2, "a4, letter, or WIDTHxHEIGHT"),
        (("1", "--paper", "a4", "--skip", "24"), 2, "24 labels"),
        (("1", "--skip", "1"), 2, "page of its own"),
        (("1", "--font", "nowhere.ttf"), 3, "cannot be read"),
        (("1", "--font", "setup.py"), 3, "no font"),
        (("--verdict", "suspect"), 3, "None of these"),
        (("1", "--condition", "defective"), 3, "None of these"),
    ],
)
def test_a_wrong_call_says_what_is_wanted_and_writes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    filled(tmp_path)
    file = tmp_path / "labels.pdf"
    result = run("labels", *arguments, "-o", str(file))
    assert result.exit_code == code, result.output
    assert says in result.stderr
    assert not file.exists()


def test_a_file_that_is_no_font_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    junk = tmp_path / "junk.ttf"
    junk.write_bytes(b"OTTO" + bytes(40))
    result = run("labels", "1", "-o", str(tmp_path / "x.pdf"), "--font", str(junk))
    assert result.exit_code == 3
    assert "junk.ttf is no font that can be used" in result.stderr
    assert run("labels", "1", "-o", str(junk), "--font", str(junk)).exit_code == 2
    assert junk.read_bytes().startswith(b"OTTO"), "the font is not written over"


def test_a_font_that_is_damaged_where_its_letters_are_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    broken = font_with(tmp_path, "".join(map(chr, range(32, 127))))
    data = bytearray(broken.read_bytes())
    entry = data.index(b"glyf", 12)
    start, length = (int.from_bytes(data[entry + at : entry + at + 4], "big") for at in (8, 12))
    data[start : start + length] = b"\x00\x07" * (length // 2) + b"\x00" * (length % 2)
    broken.write_bytes(data)
    result = run("labels", "1", "-o", str(tmp_path / "x.pdf"), "--font", str(broken))
    assert result.exit_code == 3, result.output
    assert "boxes.ttf is no font that can be used" in result.stderr
    assert not (tmp_path / "x.pdf").exists()


SIMULATED = ("--quick", "--simulate", "2:rtx-4090", "--simulate", "rtx-4090-48gb-forged")


def test_the_bench_gets_a_table_and_labels(tmp_path: Path) -> None:
    file = tmp_path / "labels.pdf"
    result = run("intake", *SIMULATED, "--location", "shelf 4", "--labels", str(file), "--paper", "a4")
    assert result.exit_code == 13, result.output
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["Item", "Intake", "Seen", "Card", "Verdict"]
    assert rows[0].split() == ["1", "#1", "new", "SIMULATED", "GeForce", "RTX", "4090", "AUTHENTIC"]
    assert "COUNTERFEIT (memory size" in rows[2]
    assert rows[-1] == "3 cards: 2 authentic, 1 counterfeit; 3 new."
    assert all(len(row) <= 80 for row in rows)
    assert [int(code.split(":")[1]) for code in scanned(file.read_bytes())] == [1, 2, 3]
    assert written(file.read_bytes()).count("SIMULATED") == 3


def test_labels_that_fail_cost_neither_cards_nor_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = labels.render_labels

    def fail(found: Any, *rest: Any) -> Labels:
        if found:
            raise OSError(28, "No space left on device")
        return plain(found, *rest)

    monkeypatch.setattr(labels, "render_labels", fail)
    result = run("intake", *SIMULATED, "--labels", str(tmp_path / "labels.pdf"))
    assert result.exit_code == 13
    assert "The cards are kept. Print their labels with `gpucheck inventory labels`." in result.stderr
    assert "3 cards: 2 authentic" in result.stdout
    assert open_store().items()[1] == 3


def test_the_digits_on_a_label_find_its_item(tmp_path: Path) -> None:
    filled(tmp_path)
    for number in ("1", "2"):
        file = tmp_path / f"{number}.pdf"
        run("labels", number, "-o", str(file))
        (digits,) = re.findall(r"\b[0-9a-f]{12}\b", written(file.read_bytes()))
        (code,) = scanned(file.read_bytes())
        assert code.rpartition(":")[2].startswith(digits)
        for word in (digits, digits.upper(), f"sha256:{digits}", code.rpartition(":")[2][:20], code.rpartition(":")[2]):
            (found,) = json.loads(run("list", word, "--json").stdout)
            assert found["item"]["number"] == int(number)
        assert run("list", digits[:11]).stdout == "No item.\n", "fewer are no digest"


def test_of_cards_that_came_in_together_the_number_tells_which(tmp_path: Path) -> None:
    assert run("intake", *SIMULATED).exit_code == 13
    (label, *_) = open_store().labelled([3])
    digits = label.code.rpartition(":")[2][:12]
    assert len(json.loads(run("list", digits, "--json").stdout)) == 3
    assert [each["item"]["number"] for each in json.loads(run("list", "#3", digits, "--json").stdout)] == [3]


def test_labels_on_a_full_disk_are_not_told_as_if_nothing_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    result = run("intake", *SIMULATED, "--labels", str(tmp_path / "labels.pdf"))
    assert result.exit_code == 13
    assert [line.strip() for line in result.stderr.splitlines()][1:] == [
        "Make room there or name another file; one that was there before is as it was.",
        "The cards are kept. Print their labels with `gpucheck inventory labels`.",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--labels", "nowhere/labels.pdf"), 3, "folder does not exist"),
        (("--labels", "labels.pdf", "--paper", "1x1"), 2, "smallest"),
        (("--labels", "labels.pdf", "--font", "none.ttf"), 3, "cannot be read"),
        (("--paper", "a4"), 2, "Add --labels FILE"),
        (("--labels", "-"), 2, "stdout takes the table"),
    ],
)
def test_wrong_labels_are_told_of_before_the_scan(
    arguments: tuple[str, ...], code: int, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gpucheck.watchdog.collect_all", lambda *_, **__: pytest.fail("the scan ran"))
    result = run("intake", *SIMULATED, *arguments)
    assert result.exit_code == code, result.output
    assert says in result.stderr
