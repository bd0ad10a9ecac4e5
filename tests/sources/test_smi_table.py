import pytest

from gpucheck.sources.nvidia_smi import parse

MIB = 1 << 20

NEW = """Fri Sep 11 20:25:41 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 610.57.04              KMD Version: 610.57.04     CUDA UMD Version: 13.3     |
+-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|=========================================+========================+======================|
|   0  NVIDIA GeForce RTX 5090        Off |   00000000:01:00.0 Off |                  N/A |
| 41%   43C    P1            106W /  575W |   29024MiB /  32607MiB |      0%      Default |
|                                         |                        |                  N/A |
+-----------------------------------------+------------------------+----------------------+
|   1  NVIDIA H100 80GB HBM3          On  |   00000000:02:00.0  On |                    3 |
| N/A   42C    P0             98W /  700W |      59MiB /  81559MiB |     N/A      Default |
|                                         |                        |              Enabled |
+-----------------------------------------+------------------------+----------------------+
| MIG devices:                                                                            |
|==================+==================================+===========+=======================|
|  1    2   0   0  |              26MiB / 40448MiB    | 60      0 |  3   0    3    0    3 |
|                  |               0MiB / 24739MiB    |           |                       |
+------------------+----------------------------------+-----------+-----------------------+
| Processes:                                                                              |
|    0   N/A  N/A            2244      G   /usr/lib/xorg/Xorg                        4MiB |
+-----------------------------------------------------------------------------------------+
"""

OLD = """+------------------------------------------------------+
| NVIDIA-SMI 352.39     Driver Version: 352.39         |
|-------------------------------+----------------------+----------------------+
| GPU  Name        Persistence-M| Bus-Id        Disp.A | Volatile Uncorr. ECC |
| Fan  Temp  Perf  Pwr:Usage/Cap|         Memory-Usage | GPU-Util  Compute M. |
|===============================+======================+======================|
|   0  GeForce GTX 980     Off  | 0000:01:00.0      On |                  N/A |
| 27%   36C    P8     6W / 180W |    322MiB /  4095MiB |      0%      Default |
+-------------------------------+----------------------+----------------------+
"""


def test_the_table_of_driver_610() -> None:
    parsed = parse(NEW, "table.txt")
    first, second = (card.facts for card in parsed.cards)
    assert first.route == "nvidia-smi table"
    assert (first.name, first.bdf) == ("NVIDIA GeForce RTX 5090", "0000:01:00.0")
    assert first.memory_total_bytes == 32607 * MIB
    assert first.power_limit_watts == 575.0
    assert (first.driver_version, first.cuda_version) == ("610.57.04", "13.3")
    assert "ecc_enabled" in first.missing
    assert first.display_active is False
    assert (second.ecc_enabled, second.ecc_uncorrected_volatile) == (True, 3)
    assert second.mig_enabled is True
    assert second.memory_total_bytes == 81559 * MIB
    assert second.mig_instances == ("GI 2 CI 0: 60 SM, 40448 MiB",)
    assert not any("Xorg" in text for text in first.raw.values())
    assert parsed.timestamp is not None
    assert parsed.host.wsl is False


def test_the_table_of_driver_352() -> None:
    facts = parse(OLD, "table.txt").cards[0].facts
    assert (facts.name, facts.bdf, facts.driver_version) == ("GeForce GTX 980", "0000:01:00.0", "352.39")
    assert facts.memory_total_bytes == 4095 * MIB
    assert facts.power_limit_watts == 180.0


@pytest.mark.parametrize("edge", ["|", ""])
def test_rows_without_head_or_borders(edge: str) -> None:
    text = (
        f"{edge}   0  NVIDIA GeForce RTX 2080 Ti     On  |   00000000:DA:00.0 Off |                  N/A {edge}\n"
        f"{edge} 18%   27C    P8             23W /  250W |       1MiB /  22528MiB |      0%      Default {edge}\n"
    )
    facts = parse(text, "rows").cards[0].facts
    assert (facts.bdf, facts.memory_total_bytes) == ("0000:da:00.0", 22528 * MIB)


def test_a_cut_name_stays_as_it_is_and_the_driver_model_tells_windows() -> None:
    text = """|   0  GeForce RTX 208... WDDM  | 00000000:0C:00.0  On |                  N/A |
| 38%   39C    P8    37W / 250W |    797MiB /  8192MiB |      0%      Default |"""
    parsed = parse(text, "rows")
    assert parsed.cards[0].facts.name == "GeForce RTX 208..."
    assert parsed.host.windows is True


def test_a_lost_card_is_a_fault() -> None:
    text = """|   0  NVIDIA GeForce RTX 3090        Off |   00000000:01:00.0 ERR! |                 ERR! |
|ERR!  ERR! ERR!             ERR! /  ERR! |  GPU is lost           |    ERR!         ERR! |"""
    facts = parse(text, "rows").cards[0].facts
    assert facts.fault is not None
    assert facts.memory_total_bytes is None


def test_the_guest_of_a_windows_host_has_two_versions() -> None:
    text = NEW.replace("NVIDIA-SMI 610.57.04", "NVIDIA-SMI 605.12.01")
    assert parse(text, "table.txt").host.wsl is True


@pytest.mark.parametrize("prefix", ["# ", "#", "> ", "| ", "// ", "  # ", "; ", "% ", " * ", "REM "])
def test_a_table_that_was_quoted_or_made_a_comment(prefix: str) -> None:
    text = "".join(f"{prefix}{line}\n" for line in NEW.splitlines())
    parsed = parse(text, "notes.md")
    first, second = (card.facts for card in parsed.cards)
    assert (first.name, first.bdf, first.memory_total_bytes) == ("NVIDIA GeForce RTX 5090", "0000:01:00.0", 32607 * MIB)
    assert (first.driver_version, first.power_limit_watts) == ("610.57.04", 575.0)
    assert second.mig_instances == ("GI 2 CI 0: 60 SM, 40448 MiB",)
    assert second.mig_enabled is True


DRIVER_304 = """+------------------------------------------------------+
| NVIDIA-SMI 4.304.54   Driver Version: 304.54         |
|-------------------------------+----------------------+----------------------+
| GPU  Name                     | Bus-Id        Disp.  | Volatile Uncorr. ECC |
| Fan  Temp  Perf  Pwr:Usage/Cap| Memory-Usage         | GPU-Util  Compute M. |
|===============================+======================+======================|
|   0  Tesla C2075              | 0000:02:00.0     Off |                    0 |
| 30%   55C    P0   149W / 225W |   1%   69MB / 5375MB |     99%      Default |
+-------------------------------+----------------------+----------------------+
|   1  Quadro 600               | 0000:03:00.0     N/A |                  N/A |
| 30%   55C  N/A     N/A /  N/A |  13%  128MB / 1023MB |     N/A      Default |
+-------------------------------+----------------------+----------------------+
"""
DRIVER_285 = """+------------------------------------------------------+
| NVIDIA-SMI 2.285.05   Driver Version: 285.05.09      |
|-------------------------------+----------------------+----------------------+
| Nb.  Name                     | Bus Id        Disp.  | Volatile ECC SB / DB |
| Fan   Temp   Power Usage /Cap | Memory Usage         | GPU Util. Compute M. |
|===============================+======================+======================|
| 0.   Tesla M2090              | 0000:02:00.0  Off    |         7          2 |
|  N/A    N/A  P0    76W / 225W |   0%   10MB / 5375MB |    0%     Default    |
+-------------------------------+----------------------+----------------------+
"""


def test_the_tables_before_there_was_persistence_mode() -> None:
    first, second = (card.facts for card in parse(DRIVER_304, "table.txt").cards)
    assert (first.name, first.bdf, first.memory_total_bytes) == ("Tesla C2075", "0000:02:00.0", 5375 * MIB)
    assert (first.driver_version, first.power_limit_watts, first.ecc_uncorrected_volatile) == ("304.54", 225.0, 0)
    assert (second.name, second.memory_total_bytes, second.driver_model) == ("Quadro 600", 1023 * MIB, None)
    oldest = parse(DRIVER_285, "table.txt").cards[0].facts
    assert (oldest.name, oldest.memory_total_bytes) == ("Tesla M2090", 5375 * MIB)
    assert (oldest.ecc_enabled, oldest.ecc_uncorrected_volatile) == (True, 2), "the first number is of corrected errors"
