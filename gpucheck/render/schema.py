"""JSON Schemas of the documents, generated from the models that write and read them."""

import json
from pathlib import Path
from typing import Any

from gpucheck.model.base import Frozen
from gpucheck.model.report import Report
from gpucheck.render.document import EvidenceFile

FOLDER = Path(__file__).resolve().parent.parent / "schema"
"""Where the published schemas lie, in a checkout and in the wheel."""

_DOCUMENTS: dict[str, tuple[type[Frozen], str]] = {
    "report-v1.schema.json": (Report, "A report of gpucheck: `gpucheck scan --format json`"),
    "evidence-v1.schema.json": (EvidenceFile, "Evidence of gpucheck, not judged yet: `gpucheck collect`"),
}


def schemas() -> dict[str, str]:
    """Return every published schema as text, by file name."""
    return {name: _text(name, model, title) for name, (model, title) in _DOCUMENTS.items()}


def _text(name: str, model: type[Frozen], title: str) -> str:
    body: dict[str, Any] = model.model_json_schema(mode="validation")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:gpucheck:{name}"}
    required = sorted({*body.get("required", []), "schema_version"})
    return json.dumps(head | body | {"title": title, "required": required}, indent=2, sort_keys=True) + "\n"
