import pytest

from gpucheck.model.base import Reason
from gpucheck.sources import smi_fields as read

MIB = 1 << 20


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("N/A", Reason.NOT_SUPPORTED),
        ("[N/A]", Reason.NOT_SUPPORTED),
        ("[Not Supported]", Reason.NOT_SUPPORTED),
        ("Not Supported", Reason.NOT_SUPPORTED),
        ("Requested functionality has been deprecated", Reason.NOT_SUPPORTED),
        ("[Unknown Error]", Reason.FAILED),
        ("Unknown Error", Reason.FAILED),
        ("ERR!", Reason.FAILED),
        ("[GPU is lost]", Reason.FAILED),
        ("[GPU requires reset]", Reason.FAILED),
        ("", Reason.FAILED),
        ("[Insufficient Permissions]", Reason.NO_PERMISSION),
        ("Insufficient Permissions", Reason.NO_PERMISSION),
    ],
)
def test_every_way_of_saying_nothing_has_its_reason(text: str, reason: Reason) -> None:
    gone = read.absent(text)
    assert gone is not None
    assert gone.unavailable is reason
    assert gone.detail


@pytest.mark.parametrize("text", ["0", "0 MiB", "None", "Disabled", "G001.0000.02.04"])
def test_a_value_is_not_absence(text: str) -> None:
    assert read.absent(text) is None


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24564 MiB", 24564 * MIB),
        ("24564MiB", 24564 * MIB),
        ("24564", 24564 * MIB),
        ("1535 MB", 1535 * MIB),
        ("20480 MiB per card", 20480 * MIB),
        ("24 GiB", 24 << 30),
        ("1.5 GiB", 3 << 29),
        ("0 MiB", 0),
        ("12 bananas", None),
        ("-1 MiB", None),
        ("9" * 5000 + " MiB", None),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    assert read.size(text) == size


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("0x268410DE", (0x10DE, 0x2684)),
        ("268410DE", (0x10DE, 0x2684)),
        ("10de:2684", (0x10DE, 0x2684)),
        ("10DE-2684", (0x10DE, 0x2684)),
        ("0x1E81", (None, 0x1E81)),
        ("banana", None),
    ],
)
def test_ids(text: str, ids: tuple[int | None, int] | None) -> None:
    assert read.identity(text) == ids


@pytest.mark.parametrize(
    ("text", "bus"),
    [
        ("00000000:01:00.0", "0000:01:00.0"),
        ("0000:2D:00.0", "0000:2d:00.0"),
        ("0000000F:01:00.0", "000f:01:00.0"),
        ("00010000:01:00.0", "10000:01:00.0"),
        ("05:00.0", "0000:05:00.0"),
        ("5:0.0", None),
    ],
)
def test_bus_addresses(text: str, bus: str | None) -> None:
    assert read.bus_id(text) == bus


def test_versions_and_switches() -> None:
    assert read.version("94.02.42.00.a9") == "94.02.42.00.A9"
    assert read.driver("610.62 [Deprecated; will be removed in CUDA 14.0. Use KMD Version instead]") == "610.62"
    assert read.capability("sm_89") == read.capability("8.9") == "8.9"
    assert [read.switch(word) for word in ("Enabled", "No", "Not Active", "perhaps")] == [True, False, False, None]
    assert read.count("640 bank(s)") == 640
    assert read.count("16x") == 16
    assert read.watts("320.00 W") == 320.0


def test_times_of_both_forms_and_of_none() -> None:
    wordy, plain = read.moment("Thu Nov  6 08:58:34 2025"), read.moment("2025/11/06 08:58:34.123")
    assert wordy == plain
    assert wordy is not None
    assert wordy.isoformat() == "2025-11-06T08:58:34+00:00"
    assert read.moment("Xxx Yyy 99 99:99:99 2025") is None
    assert read.moment("2025/13/45 08:58:34") is None
