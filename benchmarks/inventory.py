"""What a shop waits for: looking into 10,000 items with 5 intakes each on SQLite, taking in a bench, a report's page.

``python benchmarks/inventory.py [--items N] [--place PATH]``. Every intake has a report of its own, that of a simulated
card with another UUID. The times are of whole commands with the start of Python, the median of seven, and of the same
work within one process. The floor of a command is a Python that imports SQLAlchemy and pydantic, which every inventory
kept with these has to. The search of `inventory serve` is measured within this process, and over HTTP as a browser
would ask a running one, for words, for an item's number, and with nothing to choose by. The intake is of 40 simulated
cards, three of them forged, with labels, once.
"""

import argparse
import copy
import datetime as dt
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

LIMIT_MS = 300
PAGE_LIMIT_MS = 200
REPORT_LIMIT_MS = 150
INTAKE_LIMIT_MS = 60_000
FLOOR = "import sqlalchemy, pydantic"
BENCH = ("37:rtx-4090", "rtx-4090-48gb-forged", "rtx-3090-as-rtx-4090", "rtx-3080-20gb-with-matching-firmware")


def fill(place: str, count: int, visits: int) -> None:
    """Make the inventory, some thousand rows a transaction."""
    from sqlalchemy import insert

    from gpucheck.catalog import Catalog
    from gpucheck.model.canonical import canonical_json, digest_of
    from gpucheck.pipeline import Plan, assess, collect, make_report
    from gpucheck.simulation import machine
    from gpucheck.store import packing
    from gpucheck.store.noticing import refresh_all
    from gpucheck.store.recognition import key
    from gpucheck.store.rows import row_of, stamp
    from gpucheck.store.schema import intakes, items, reports
    from gpucheck.store.store import open_store

    catalog = Catalog()
    evidence = collect(machine(["a100-80gb"]).cards[0], Plan(quick=True))
    report = make_report([assess(evidence, catalog)], evidence.host, catalog)
    pattern = row_of(report, 0, dt.datetime.now(dt.UTC))
    start = evidence.collected_at
    text = canonical_json(report).decode()
    uuid = str(pattern["uuid"])
    created = f'"created_at":{report.model_dump_json(include={"created_at"}).partition(":")[2].rstrip("}")}'
    store = open_store(place)
    for first in range(0, count, 500):
        rows: dict[str, list[dict[str, Any]]] = {"items": [], "reports": [], "intakes": []}
        for item in range(first + 1, min(first + 500, count) + 1):
            own = f"GPU-{item:08x}-55b6-ea2e-76e5-577ad8e688ee"
            rows["items"].append({"id": item, "created_at": stamp(start), "label": f"RMA {item}",
                                  "location": f"shelf {item % 40}", "customer": f"customer {item % 900}"})  # fmt: skip
            for visit in range(visits):
                number = (item - 1) * visits + visit + 1
                when = stamp(start + dt.timedelta(days=visit * 30, seconds=item))
                whole = text.replace(uuid, own).replace(created, f'"created_at":"{2030 + visit}-01-02T03:04:05Z"')
                pdi = f"0x{item * 0x9E3779B97F4A7C15 % 2**64:016x}"
                stated = {"uuid": own, "pdi": pdi, "serial": f"{item:013d}", "id": number,
                          "item_id": item, "report_id": number, "measured_at": when,
                          "evidence_digest": f"sha256:{number:064x}"}  # fmt: skip
                keys = {f"{name}_key": key(str(stated[name])) for name in ("uuid", "pdi", "serial")}
                rows["reports"].append({"id": number, "digest": digest_of(whole.encode()),
                                        "created_at": when, "body": packing.pack(whole.encode())})  # fmt: skip
                rows["intakes"].append(copy.copy(pattern) | stated | keys)
        with store.writer() as connection:
            for table in (items, reports, intakes):
                connection.execute(insert(table), rows[table.name])
    with store.writer() as connection:
        refresh_all(connection)


def commands(place: str, item: int) -> dict[str, float]:
    """Milliseconds of whole commands."""
    calls = {"list": ("list",), "list WORDS": ("list", f"RMA {item}"), "history": ("history", str(item)),
             "diff": ("diff", str(item))}  # fmt: skip
    return {name: _median(lambda call=call: _run(place, *call)) for name, call in calls.items()}


def _run(place: str, *call: str) -> None:
    whole = [sys.executable, "-m", "gpucheck", "inventory", *call, "--store", place]
    subprocess.run(whole, check=True, capture_output=True)


def intake(folder: Path) -> dict[str, float]:
    """Milliseconds in which forty simulated cards are taken in, with labels."""
    call = [sys.executable, "-m", "gpucheck", "inventory", "intake", "--store", str(folder / "bench.sqlite")]
    call += ["--labels", str(folder / "labels.pdf"), *(f"--simulate={name}" for name in BENCH)]
    begun = time.perf_counter()
    done = subprocess.run(call, check=False, capture_output=True, text=True)
    if "40 cards: 37 authentic, 1 modified, 2 counterfeit" not in done.stdout:
        raise RuntimeError(done.stderr or done.stdout)
    return {"intake of 40": (time.perf_counter() - begun) * 1000}


def report_page() -> dict[str, float]:
    """Milliseconds in which one report becomes a page."""
    from gpucheck.catalog import Catalog
    from gpucheck.catalog.reported import profiles_of
    from gpucheck.pipeline import Plan, assess, collect, make_report
    from gpucheck.render.html import render_html
    from gpucheck.simulation import machine

    catalog = Catalog()
    evidence = collect(machine(["rtx-4090-48gb-forged"]).cards[0], Plan())
    report = make_report([assess(evidence, catalog)], evidence.host, catalog)
    return {"HTML report": _median(lambda: render_html(report, profiles_of(report, catalog)))}


def in_process(place: str, item: int) -> dict[str, float]:
    """Milliseconds of the same work, once everything is loaded."""
    from gpucheck.store.changes import changes
    from gpucheck.store.store import open_store

    store = open_store(place, make=False)

    def diff() -> None:
        visits = store.item(item)[1]
        changes(store.report(visits[-2])[1], store.report(visits[-1])[1])

    works = {"list": lambda: store.items(limit=100), "list WORDS": lambda: store.items([f"RMA {item}"], limit=100),
             "history": lambda: store.item(item), "diff": diff}  # fmt: skip
    return {name: _median(work) for name, work in works.items()}


def searches(item: int) -> dict[str, str]:
    """Addresses of the page's search, by what is asked for."""
    return {"page": "/", "page WORDS": f"/?q=%22RMA+{item}%22+shelf", "page NUMBER": f"/?q={item}",
            "page VERDICT": "/?verdict=authentic&model=A100+SXM4+80+GB&page=90"}  # fmt: skip


def page_in_process(place: str, item: int) -> dict[str, float]:
    """Milliseconds of the page's search without HTTP."""
    from gpucheck.store.store import open_store
    from gpucheck.web.app import make_app

    client = make_app(open_store(place, make=False)).test_client()

    def found(path: str) -> None:
        if client.get(path).status_code != 200:
            raise RuntimeError(path)

    return {name: _median(lambda path=path: found(path)) for name, path in searches(item).items()}


def page_over_http(place: str, item: int) -> dict[str, float]:
    """Milliseconds until a client of a running server has the whole answer."""
    call = [sys.executable, "-m", "gpucheck", "inventory", "serve", "--port", "0", "--store", place]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().split()[0].rstrip("/") if server.stdout else ""

            def found(path: str) -> None:
                with urllib.request.urlopen(url + path) as answer:  # noqa: S310 - our own server
                    answer.read()

            return {name: _median(lambda path=path: found(path)) for name, path in searches(item).items()}
        finally:
            server.terminate()


def _median(work: Any, times: int = 7) -> float:
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        found.append((time.perf_counter() - begun) * 1000)
    return statistics.median(found)


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--place")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = asked.place or str(Path(folder) / "inventory.sqlite")
        if not Path(place).exists():
            fill(place, asked.items, 5)
        print(f"{asked.items} items, {Path(place).stat().st_size / 1e6:,.0f} MB (measured, median of seven)")
        item = asked.items // 2
        floor = _median(lambda: subprocess.run([sys.executable, "-c", FLOOR], check=True))
        print(f"  floor      {FLOOR}: {floor:.1f} ms")
        for title, times, limit in (
            ("command", commands(place, item), LIMIT_MS),
            ("in process", in_process(place, 5), LIMIT_MS),
            ("in process", page_in_process(place, item), PAGE_LIMIT_MS),
            ("over HTTP", page_over_http(place, item), PAGE_LIMIT_MS),
            ("in process", report_page(), REPORT_LIMIT_MS),
            ("command", intake(Path(folder)), INTAKE_LIMIT_MS),
        ):
            for name, ms in times.items():
                ratio = f", {ms / floor:.2f} times the floor" if title == "command" else ""
                told = f"{'met' if ms < limit else 'MISSED'} (goal {limit} ms){ratio}"
                print(f"  {title:<10} {name:<12} {ms:9.1f} ms  {told}")


if __name__ == "__main__":
    main()
