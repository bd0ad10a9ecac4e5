"""MIG, virtual GPUs, virtual machines, WSL and Windows are named and limit the answer; none of them raises an alarm."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpucheck.cli.app import cli

MIB = 1 << 20


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def write(folder: Path, profile: str, declared: str = "", environment: str = "", silicon: str = "") -> str:
    path = folder / "mine.toml"
    path.write_text(
        f'title = "t"\nseed = 5\n[silicon]\nprofile = "{profile}"\n{silicon}\n[declared]\nprofile = "{profile}"\n'
        f"{declared}\n[environment]\n{environment}\n"
    )
    return str(path)


def told(text: str) -> str:
    """The report without its line breaks."""
    return " ".join(text.split())


@pytest.mark.parametrize("profile", ["h100-sxm5-80-gb", "a100-sxm4-40-gb", "a30-pcie"])
def test_mig_is_named_with_what_to_do(tmp_path: Path, profile: str) -> None:
    result = run("scan", "--simulate", write(tmp_path, profile, environment="mig = true"))
    text = told(result.stdout)
    assert result.exit_code == 10, text
    assert "MIG divides this card" in text
    assert "nvidia-smi -mig 0" in text
    open_ = text.split("Not examined")[1].split(
        ": Only a part of the card is visible (MIG is on: kernels see one slice)."
    )
    assert "Multiprocessors that run" in open_[0]


@pytest.mark.parametrize(
    ("profile", "name", "mib"), [("a40-pcie", "NVIDIA A40-24Q", 24576), ("l40s", "L40S-12C", 12288)]
)
def test_a_virtual_gpu_is_named_with_what_to_do(tmp_path: Path, profile: str, name: str, mib: int) -> None:
    size = f"memory_bytes = {mib * MIB}"
    scenario = write(tmp_path, profile, f'name = "{name}"\n{size}', "virtualized = true", size)
    result = run("scan", "--simulate", scenario)
    text = told(result.stdout)
    assert result.exit_code == 10, text
    assert "This is a virtual GPU (vGPU)" in text
    assert "Scan the whole card" in text
    assert ": Only a part of the card is visible (a virtual GPU)." in text


@pytest.mark.parametrize("name", ["GRID A100D-10C", "A40-1Q", "NVIDIA L40S-24Q", "GRID V100D-8C", "T4-16C"])
@pytest.mark.parametrize("claim", [(), ("--claim", "A40")])
def test_a_virtual_gpu_in_a_sellers_table_is_named_with_what_to_do(
    tmp_path: Path, name: str, claim: tuple[str, ...]
) -> None:
    table = tmp_path / "table.txt"
    table.write_text(
        f"|   0  {name:<22}  On   | 00000000:02:01.0 Off |                    0 |\n"
        "| N/A   N/A    P0    N/A /  N/A |      0MiB / 10240MiB |      0%      Default |\n"
    )
    result = run("assess", *claim, str(table))
    text = told(result.stdout)
    assert result.exit_code == 10, text
    assert f'"{name}" is not a model of a card but a kind of virtual GPU' in text
    assert "This is a virtual GPU (vGPU)" in text
    assert "on the host" in text
    assert "no profile for" not in text


def test_a_virtual_gpu_in_a_sellers_listing_is_named_as_well(tmp_path: Path) -> None:
    listing = tmp_path / "listing.txt"
    listing.write_text(
        "GPU 00000000:02:01.0\n    Product Name : NVIDIA A40-8Q\n    GPU Virtualization Mode\n"
        "        Virtualization Mode : VGPU\n    PCI\n        Device Id : 0x223510DE\n"
        "    FB Memory Usage\n        Total : 8192 MiB\n"
    )
    text = told(run("assess", str(listing)).stdout)
    assert "This is a virtual GPU (vGPU)" in text
    assert "on the host" in text


@pytest.mark.parametrize(
    ("environment", "words", "codes"),
    [
        ("wsl = true", "WSL reaches the card through Windows", {0, 10}),
        ("windows = true", "Windows' display driver (WDDM) lends memory of the host", {0, 10}),
        ("windows = true\ndisplay_in_use_bytes = 900000000", "A scan under Linux", {0, 10}),
        ("virtualized = true", "from inside a virtual machine (KVM)", {0}),
    ],
)
@pytest.mark.parametrize("profile", ["geforce-rtx-4090", "geforce-gtx-1060-6-gb", "geforce-rtx-3060-12-gb"])
def test_a_system_in_between_is_named(
    tmp_path: Path, profile: str, environment: str, words: str, codes: set[int]
) -> None:
    result = run("scan", "--simulate", write(tmp_path, profile, environment=environment))
    assert result.exit_code in codes, result.output
    assert words in told(result.stdout)


@pytest.mark.parametrize(("system", "words"), [("windows", "Under Windows"), ("wsl", "WSL reaches the card")])
def test_nothing_is_told_of_a_walk_that_did_not_run(tmp_path: Path, system: str, words: str) -> None:
    environment = f'{system} = true\nmissing = ["cuda"]'
    text = told(run("scan", "--simulate", write(tmp_path, "geforce-rtx-4090", environment=environment)).stdout)
    assert words in text
    assert "could not be read. A scan under Linux reaches" in text
    assert "the walk leaves" not in text


@pytest.mark.parametrize("environment", ["mig = true", "wsl = true", "windows = true", "virtualized = true"])
def test_no_finding_fails_because_of_it(tmp_path: Path, environment: str) -> None:
    scenario = write(tmp_path, "h100-sxm5-80-gb", environment=environment)
    report = json.loads(run("scan", "--simulate", scenario, "--format", "json").stdout)
    (card,) = report["cards"]
    assert [f["check"] for f in card["findings"] if f["status"] in ("fail", "error")] == []
    assert card["verdict"]["authenticity"] in ("authentic", "inconclusive")
    assert card["verdict"]["condition"] == "good"


@pytest.mark.parametrize("profile", ["geforce-gtx-1650-mobile", "geforce-rtx-4090-mobile", "rtx-a5000-mobile"])
@pytest.mark.parametrize("gbps", [0.81, 1.62, 10])
def test_a_laptop_on_battery_is_told_to_be_plugged_in(tmp_path: Path, profile: str, gbps: float) -> None:
    """Drivers hold the memory of such at 405, 810 or 5,000 MHz."""
    slow = write(tmp_path, profile, environment="battery = true", silicon=f"memory_data_rate_gbps = {gbps}")
    result = run("scan", "--simulate", slow, "--format", "json")
    (card,) = json.loads(result.stdout)["cards"]
    assert [f["check"] for f in card["findings"] if f["status"] in ("fail", "error")] == []
    assert card["verdict"]["authenticity"] in ("authentic", "inconclusive")
    assert card["verdict"]["condition"] == "good"
    assert "The machine runs on battery" in told(run("scan", "--simulate", slow).stdout)


def test_another_die_is_not_excused_by_a_battery(tmp_path: Path) -> None:
    scenario = tmp_path / "lie.toml"
    scenario.write_text(
        'title = "t"\n[silicon]\nprofile = "geforce-gtx-1650-mobile"\nmemory_data_rate_gbps = 1.62\n'
        '[declared]\nprofile = "geforce-rtx-3070-mobile"\n[environment]\nbattery = true\n'
    )
    assert run("scan", "--simulate", str(scenario)).exit_code in (12, 13)


def test_a_lie_is_not_excused_by_it(tmp_path: Path) -> None:
    scenario = tmp_path / "lie.toml"
    scenario.write_text(
        'title = "t"\n[silicon]\nprofile = "geforce-gtx-1060-6-gb"\n[declared]\nprofile = "geforce-rtx-3060-12-gb"\n'
        "[environment]\nwindows = true\n"
    )
    result = run("scan", "--simulate", str(scenario))
    assert result.exit_code == 13, result.output
    assert "Windows" in told(result.stdout)


def test_an_ordinary_card_is_not_bothered(tmp_path: Path) -> None:
    text = told(run("scan", "--simulate", write(tmp_path, "geforce-rtx-4090")).stdout)
    assert not any(word in text for word in ("MIG", "virtual", "WSL", "Windows", "Only a part"))
