"""The command itself: a process that listens, is asked over HTTP, and is ended; and calls that it refuses."""

import http.client
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpucheck.cli.app import cli
from gpucheck.store import engine
from gpucheck.store.store import Store, open_store
from gpucheck.web.app import make_app
from tests.web.shop import client_of, fill, shown

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("served") / "inventory.sqlite")
    fill(path)
    return path


@contextmanager
def served(place: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running ``gpucheck inventory serve`` and its URL."""
    call = [sys.executable, "-m", "gpucheck", "inventory", "serve", "--port", "0", "--store", place, *options]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            found = re.fullmatch(r"(http://\S+:\d+/) shows \S+\. Ctrl-C ends it\.\n", line)
            assert found, line
            yield process, found[1]
        finally:
            process.kill()


def ended(process: subprocess.Popen[str], by: signal.Signals) -> tuple[int, str, str]:
    process.send_signal(by)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def status_of(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_it_listens_answers_many_at_once_and_ends_with_ctrl_c(filled: str) -> None:
    with served(filled) as (process, url):
        with urllib.request.urlopen(f"{url}?q=rma", timeout=30) as answer:
            assert "RMA 7, shelf 4, Kim" in answer.read().decode()
            assert answer.headers["Server"] == "gpucheck"
        assert status_of(url, Host="evil.example") == 403
        paths = ["", "item/1", "item/1/diff", "item/2/report/3", "style.css"] * 4
        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(lambda path: status_of(url + path), paths)) == {200}
        address = url.removeprefix("http://").rstrip("/")
        with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
            for method, path, status in (("POST", "/", 405), ("HEAD", "/item/1", 200), ("GET", "/%2e%2e/x", 404)):
                connection.request(method, path, body=b"x" if method == "POST" else None)
                found = connection.getresponse()
                found.read()
                assert found.status == status
                assert found.headers["X-Frame-Options"] == "DENY"
        assert ended(process, signal.SIGINT) == (0, "", "")


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_it_ends_when_it_is_told_to(filled: str) -> None:
    with served(filled) as (process, url):
        assert status_of(url) == 200
        assert ended(process, signal.SIGTERM) == (0, "", "")


def test_other_machines_are_let_in_only_where_that_is_said(filled: str) -> None:
    with served(filled, "--host", "0.0.0.0", "--allow-host", "bench7.example") as (process, url):
        port = url.rstrip("/").rpartition(":")[2]
        assert url == f"http://bench7.example:{port}/"
        here = f"http://127.0.0.1:{port}/"
        assert status_of(here, Host=f"bench7.example:{port}") == 200
        assert status_of(here) == 200
        assert status_of(here, Host=f"other.example:{port}") == 403
        code, _, err = ended(process, signal.SIGINT)
    assert code == 0
    assert err == "Anybody who reaches this machine at 0.0.0.0 can read the inventory.\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["inventory", "serve", *arguments])


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--host", "0.0.0.0"), 2, "--allow-host"),
        (("--host", "::"), 2, "--allow-host"),
        (("--allow-host", "http://bench7"), 2, "is no name of a host"),
        (("--allow-host", "*"), 2, "is no name of a host"),
        (("--allow-host", "bench7:80"), 2, "is no name of a host"),
        (("--port", "65536"), 2, "--port"),
        (("--host", "192.0.2.1", "--allow-host", "a"), 3, "no such address"),
        (("--host", "no such host"), 3, "there is no host no such host"),
        (("--host", ""), 3, "there is no host"),
        (("--host", "x" * 300), 3, "there is no host"),
    ],
)
def test_a_call_that_cannot_be_served_is_one_clear_error(
    filled: str, options: tuple[str, ...], code: int, says: str
) -> None:
    result = run("--store", filled, *options)
    assert result.exit_code == code, result.output
    assert says in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_port_that_is_taken(filled: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("--store", filled, "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 3
    assert "something listens there already" in result.stderr
    assert "--port 0" in result.stderr
    assert len(result.stderr.splitlines()) == 2


def test_a_port_without_permission(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: socket.socket, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.bind", refuse)
    result = run("--store", filled, "--port", "80")
    assert result.exit_code == 3
    assert "no permission for this port" in result.stderr


def test_without_an_inventory_nothing_is_made(tmp_path: Path) -> None:
    result = run("--store", str(tmp_path / "none.sqlite"))
    assert result.exit_code == 4
    assert "there is no inventory at" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", [("--help",), ("inventory", "list"), ("inventory", "serve", "--help")])
def test_what_serves_nothing_loads_no_web_framework(filled: str, call: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom gpucheck.cli import main\n"
        "try: main()\n"
        "except SystemExit: print([m for m in ('flask', 'werkzeug', 'waitress') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *call],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "GPUCHECK_STORE": filled},
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_locked_inventory_is_told_and_answers_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
    path = str(tmp_path / "inventory.sqlite")
    client = client_of(fill(path))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        page = shown(client, "/", 503)
    finally:
        holder.close()
    assert "another program holds it locked" in page.text
    assert "Wait until that one is done" in page.text
    assert shown(client, "/").inside("h2") == ["3 items"]


def test_a_damaged_inventory_and_a_damaged_report_are_told(tmp_path: Path) -> None:
    path = tmp_path / "inventory.sqlite"
    client = client_of(fill(str(path)))
    with sqlite3.connect(path) as plain:
        plain.execute("UPDATE reports SET body = x'ff' WHERE id = 1")
    plain.close()
    assert "a stored report was altered" in shown(client, "/item/1/report/1", 503).text
    assert "a stored report was altered" in shown(client, "/item/1/diff", 503).text
    shown(client, "/item/1")
    path.write_bytes(b"no database at all" * 400)
    assert "is no inventory, or is damaged" in shown(client, "/", 503).text


def test_an_inventory_that_is_taken_away_is_told_and_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "inventory.sqlite"
    fill(str(path))
    client = client_of(open_store(str(path), make=False))
    path.unlink()
    shown(client, "/", 503)
    assert list(tmp_path.iterdir()) == []


def test_a_server_out_of_reach_is_told(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    away = engine.connect(engine.locate(f"postgresql://gpucheck@/inventory?host={tmp_path}"), make=False)
    page = shown(client_of(Store(away, "postgresql://gpucheck@/inventory")), "/item/1", 503)
    assert "inventory postgresql://gpucheck@/inventory: the server cannot be reached" in page.text
    assert "Check the address, and that the server runs." in page.text


def test_a_fault_of_ours_shows_no_more_than_that(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("gpucheck.web.views.search", fail)
    told: list[str] = []
    app = make_app(open_store(filled), (), lambda error, path: told.append(f"{path} {error}"))
    page = shown(app.test_client(), "/", 500)
    assert "secret" not in page.text
    assert "Traceback" not in page.text
    assert told == ["/ secret detail"]


def test_a_fault_of_ours_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    from gpucheck.cli.inventory.serve import _tell

    _tell(ZeroDivisionError("why\x1b[31m"), "/item/1\n")
    assert capsys.readouterr().err == "gpucheck: /item/1 : internal error: ZeroDivisionError: why [31m\n"
