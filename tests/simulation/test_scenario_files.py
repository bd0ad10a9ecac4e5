"""Scenario files: what is accepted, and one clear line for everything that is not."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gpucheck.simulation import ScenarioError, card, load, machine, names

HEAD = 'title = "A card"\n[silicon]\nprofile = "geforce-rtx-4090"\n'
FAULT = HEAD + "[[silicon.memory_fault]]\n"


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = ", "not valid TOML"),
        ('title = "x"\n', "silicon: this key is required"),
        (HEAD + "sm_cuont = 3\n", r"silicon\.sm_cuont: unknown key, did you mean sm_count\?"),
        (HEAD + "[declared]\nmemory = 3\n", r"declared\.memory: unknown key.*memory_bytes"),
        (HEAD + '[declared]\nmemory_bytes = "48 GB"\n', r"declared\.memory_bytes: .*integer.*48 GB"),
        (HEAD + "[declared]\ndevice_id = 0x12684\n", r"declared\.device_id: .*65535"),
        (HEAD + "sm_count = true\n", r"silicon\.sm_count: .*integer"),
        (HEAD + "noise = -1\n", r"silicon\.noise: "),
        (HEAD + "noise = nan\n", r"silicon\.noise: .*finite"),
        (HEAD + "[declared]\npower_default_watts = inf\n", r"declared\.power_default_watts: .*finite"),
        (HEAD + "[declared]\nname = '" + "x" * 9000 + "'\n", r"declared\.name: .{,200}$"),
        (HEAD + 'memory_fault = "limbo"\n', r"silicon\.memory_fault: a list is wanted.*given: 'limbo'"),
        (HEAD + '[silicon.memory_fault]\nkind = "limbo"\n', r"memory_fault: a list is wanted.*\[\[key\]\]"),
        (HEAD + "memory_fault = [7]\n", r"memory_fault\[0\]: a table is wanted"),
        ('title = "x"\nsilicon = "geforce-rtx-4090"\n', r"silicon: a table is wanted"),
        (FAULT + 'kind = "paged"\nfactor = 1e-300\n', r"memory_fault\[0\]\.factor: .*0\.0001"),
        ("a = " + "[" * 5000 + "]" * 5000 + "\n", "not valid TOML"),
        ("a = " + "{a = " * 3000 + "1" + "}" * 3000 + "\n", "not valid TOML"),
        ("a = " + "9" * 10000 + "\n", "not valid TOML"),
        (HEAD + 'fp64_ratio = "1:٦٤"\n', r"silicon\.fp64_ratio: "),
        (HEAD + 'fp64_ratio = "1:0"\n', r"silicon\.fp64_ratio: "),
        (HEAD + "l2_cache_bytes = 1\n", r"silicon\.l2_cache_bytes: .*32768"),
        (HEAD + "l2_cache_bytes = 4611686018427387904\n", r"silicon\.l2_cache_bytes: .*1073741824"),
        (
            FAULT + 'kind = "stuck"\naddresses = []\nbit = 4\nvalue = 1\n',
            "addresses: at least 1 are wanted, here are 0",
        ),
        (HEAD + 33 * '[[silicon.memory_fault]]\nkind = "limbo"\n', "memory_fault: at most 32 are wanted, here are 33"),
        (HEAD + '[environment]\ndriver_version = "٥٨٠.95"\n', r"environment\.driver_version: "),
        (FAULT + 'kind = "sulking"\n', r"memory_fault\[0\].*unknown kind, allowed: .*wraparound"),
        (FAULT + "real_bytes = 1024\n", r"memory_fault\[0\].*kind is required"),
        (FAULT + 'kind = "wraparound"\nreal_bytes = 1000\n', r"memory_fault\[0\]\.real_bytes: .*multiple of 16"),
        (FAULT + 'kind = "wraparound"\nfactor = 0.5\n', r"memory_fault\[0\]\.factor: unknown key.*real_bytes"),
        (
            FAULT + 'kind = "dead_channel"\nchannel = 1\nchannels = 12\ngranule_bytes = 0\n',
            r"memory_fault\[0\]\.granule_bytes: .*16",
        ),
        (
            FAULT + 'kind = "dead_channel"\nchannel = 12\nchannels = 12\ngranule_bytes = 256\n',
            r"memory_fault\[0\]: channel must be below channels",
        ),
        (FAULT + 'kind = "stuck"\naddresses = [0]\nbit = 64\nvalue = 1\n', r"memory_fault\[0\]\.bit: "),
        (FAULT + 'kind = "stuck"\naddresses = [99999999999]\nbit = 4\nvalue = 1\n', "outside the memory"),
        (FAULT + 'kind = "limbo"\nreal_bytes = 99999999984\n', "outside the memory"),
        (FAULT + 'kind = "wraparound"\nreal_bytes = 1048576\n', r"memory_fault\[0\]\.real_bytes: .*2097152"),
        (FAULT + 'kind = "shuffled_alias"\nreal_bytes = 16\n', r"memory_fault\[0\]\.real_bytes: .*2097152"),
        (HEAD + "[declared]\nmemory_bytes = 4398046511104\n", r"declared\.memory_bytes: .*2199023255552"),
        (HEAD + "memory_bytes = 4398046511104\n", r"silicon\.memory_bytes: .*2199023255552"),
        (
            FAULT
            + f'kind = "stuck"\naddresses = {list(range(0, 400 * 16, 16))}\nbit = 4\nvalue = 1\n'
            + '[[silicon.memory_fault]]\nkind = "wraparound"\nreal_bytes = 2097152\n',
            "400 damaged cells, each met 12282 times, are more than can be simulated.*larger real_bytes",
        ),
        (FAULT + 'kind = "slow_region"\nstart_bytes = 0\nlength_bytes = 16\nfactor = 0\n', r"\.factor: "),
        (HEAD.replace("4090", "4091"), "silicon.profile: no profile has the id 'geforce-rtx-4091'"),
        (HEAD + '[declared]\nprofile = "rtx"\n', "declared.profile: no profile has the id 'rtx'"),
        (HEAD + '[environment]\nmissing = ["nvlm"]\n', r"environment\.missing\[0\]: .*nvml"),
        (HEAD + '[environment]\nhang = "everything"\n', r"environment\.hang: .*memory_walk"),
        (HEAD + "[environment]\nwsl = true\nwindows = true\n", "wsl and windows exclude each other"),
    ],
)
def test_one_line_names_file_key_and_remedy(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ScenarioError) as caught:
        card(path)
    message = caught.value.message
    assert "\n" not in message
    assert "mine" in message
    assert re.search(says, message), message


def test_a_file_may_omit_the_declaration(tmp_path: Path) -> None:
    mine = card(write(tmp_path, HEAD))
    assert mine.simulated == "mine"
    assert mine.declared.nvml.device_id == 0x2684
    assert mine.scenario.seed == 1


@pytest.mark.parametrize("name", ["rtx-4090-48", "RTX-4090", ""])
def test_an_unknown_name_gets_a_hint(name: str) -> None:
    with pytest.raises(ScenarioError, match="No scenario is named") as caught:
        load(name)
    assert "gpucheck scenarios list" in caught.value.hint
    assert not name or "rtx-4090" in caught.value.hint


def test_paths_are_read_only_as_far_as_is_sensible(tmp_path: Path) -> None:
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (2 << 20))
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    for path, says in ((large, "larger than"), (binary, "not UTF-8"), (tmp_path / "no.toml", "cannot be read")):
        with pytest.raises(ScenarioError, match=says):
            load(str(path))


@pytest.mark.parametrize("text", ["a = " + "9" * 10000 + "\n", "a = " + "[" * 5000 + "]" * 5000 + "\n", "title = \n"])
def test_what_the_parser_says_of_itself_is_not_passed_on(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScenarioError, match="not valid TOML") as caught:
        load(write(tmp_path, text))
    assert "gpucheck scenarios show" in caught.value.hint
    assert not re.search(r"recursion|sys\.", str(caught.value))


def test_text_in_another_encoding_gets_a_hint(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(HEAD.encode("utf-16"))
    with pytest.raises(ScenarioError, match="not UTF-8 text") as caught:
        load(str(tmp_path / "mine.toml"))
    assert "UTF-8" in caught.value.hint


def test_an_editor_may_put_its_mark_before_the_text(tmp_path: Path) -> None:
    assert load(write(tmp_path, "\ufeff" + HEAD)).title == "A card"


@pytest.mark.parametrize("name", names())
def test_shipped_scenarios_make_cards(name: str) -> None:
    one = card(name)
    copy = pickle.loads(pickle.dumps(one))
    assert copy.declared.nvml == one.declared.nvml
    assert copy.soldered == one.soldered
    assert one.simulated == name
    if "cuda" in one.withheld():
        return
    device = copy.open_device()
    assert device.attributes.sm_count == one.soldered.sm_count // (8 if one.scenario.environment.mig else 1)
    device.close()


def test_cards_of_a_machine_differ_in_their_place() -> None:
    cards = machine(["rtx-4090", "rtx-4090"]).cards
    assert [c.declared.bdf for c in cards] == ["0000:01:00.0", "0000:02:00.0"]
    assert len({c.label for c in cards}) == 2


def test_listing_loads_no_numpy() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom gpucheck.cli.scenarios import scenarios\n"
        "result = CliRunner().invoke(scenarios, ['list'])\n"
        "assert 'rtx-4090-48gb-forged' in result.output and result.exit_code == 0\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_show_prints_the_file_and_refuses_what_is_none() -> None:
    from click.testing import CliRunner

    from gpucheck.cli.scenarios import scenarios

    shown = CliRunner().invoke(scenarios, ["show", "rtx-4090"])
    assert shown.exit_code == 0
    assert 'profile = "geforce-rtx-4090"' in shown.output
    assert CliRunner().invoke(scenarios, ["show", "rtx-409"]).exit_code == 2
