"""One catalog for all tests here: reading it is cheap, parsing every die is not."""

import datetime as dt
from typing import Any

import pytest

from gpucheck.catalog import Catalog
from gpucheck.model.evidence import Evidence, NvmlFacts
from gpucheck.model.measured import MemoryWalk
from gpucheck.model.units import MIB
from tests.catalog.given import PROFILES, Declare


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog(PROFILES)


@pytest.fixture
def declare() -> Declare:
    """Evidence of a card that declares so much and no more."""

    def build(
        device_id: int | None = None,
        name: str | None = None,
        total_mib: float | None = None,
        subsystem: tuple[int, int] | None = None,
        walk: MemoryWalk | None = None,
        **nvml: Any,
    ) -> Evidence:
        vendor, sub = subsystem or (None, None)
        total = None if total_mib is None else int(total_mib * MIB)
        facts = NvmlFacts(
            route="nvml",
            name=name,
            device_id=device_id,
            subsystem_vendor_id=vendor,
            subsystem_id=sub,
            memory_total_bytes=total,
            **nvml,
        )
        sections: dict[str, Any] = {"nvml": facts}
        if walk is not None:
            sections["memory_walk"] = walk
        return Evidence(collected_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), tool_version="0", label="card", **sections)

    return build
