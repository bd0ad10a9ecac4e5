"""What identifies a specimen leaves no trace in redacted evidence."""

from gpucheck.redaction import PREFIX, digest, redacted
from tests.builders import BDF, UUID, make_driver, make_evidence, make_nvml

SERIAL = "1325021034567"
PDI = "0xf1e2d3c4b5a69788"


def specimen() -> str:
    """Redacted JSON of a card that names itself in many places."""
    nvml = make_nvml(
        serial=SERIAL,
        pdi=PDI,
        raw={
            "nvmlDeviceGetSerial": SERIAL,
            "nvmlDeviceGetUUID": f"b'{UUID}'",
            "note": f"the card {UUID.lower()} with {SERIAL} at {BDF}",
            "mig": "MIG-0f4a9be1-59a1-4c5f-9d0c-6b0b2a4c1234",
            "Serial Number": "N/A",
        },
    )
    return redacted(make_evidence(nvml=nvml, driver=make_driver(raw={"GPU UUID": UUID}))).model_dump_json()


def test_no_secret_is_left_anywhere() -> None:
    text = specimen().lower()
    for secret in (SERIAL, PDI, UUID, UUID.removeprefix("GPU-"), "59a1-4c5f-9d0c"):
        assert secret.lower() not in text


def test_what_identifies_the_model_stays() -> None:
    text = specimen()
    assert BDF in text
    assert "95.02.3C.40.0D" in text
    assert '"Serial Number":"N/A"' in text


def test_the_same_card_gives_the_same_digest_by_every_route() -> None:
    found = redacted(make_evidence())
    assert found.declared is not None
    assert found.declared.uuid == digest(UUID) == getattr(found.driver, "uuid", None)
    assert found.declared.uuid.startswith(PREFIX)
    assert len(found.declared.uuid) == len(PREFIX) + 12


def test_redacting_twice_changes_nothing() -> None:
    once = redacted(make_evidence())
    assert redacted(once) == once


def test_a_short_serial_does_not_eat_other_numbers() -> None:
    found = redacted(make_evidence(nvml=make_nvml(serial="384", name="Card 384")))
    assert found.declared is not None
    assert found.declared.name == "Card 384"
    assert found.declared.serial == digest("384")
