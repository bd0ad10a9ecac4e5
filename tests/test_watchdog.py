"""The watchdog against stages that hang, crash, babble and lie, by both ways of starting a child."""

import faulthandler
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gpucheck import child, watchdog
from gpucheck.model.base import Keep, Reason, SoFar, Unavailable
from gpucheck.model.evidence import Host, NvmlFacts
from gpucheck.model.measured import Census
from gpucheck.pipeline import Plan
from gpucheck.watchdog import Event, Job, Section, supervise

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
ROOT = Path(__file__).resolve().parents[1]
LIMIT = 1.0
KNOWING = ", knowing something"
METHODS = ("fork", "spawn") if sys.platform == "linux" else ("spawn",)


def start_by(monkeypatch: pytest.MonkeyPatch, method: str) -> str:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr(child, "start_method", lambda: method)
    return method


@pytest.fixture(params=METHODS)
def each_method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    return start_by(monkeypatch, request.param)


@pytest.fixture
def method(monkeypatch: pytest.MonkeyPatch) -> str:
    return start_by(monkeypatch, METHODS[0])


def census(number: int) -> Census:
    return Census(sm_count=number, machine_code="8.9", blocks=1)


def act(manner: str, emit: Callable[[], None]) -> None:
    """What a stage does, by name."""
    signals = {"segfault": signal.SIGSEGV, "kill": getattr(signal, "SIGKILL", 9), "interrupt": signal.SIGINT}
    if manner in signals:
        faulthandler.disable()
        os.kill(os.getpid(), signals[manner])
    if manner == "exit":
        os._exit(3)
    if manner == "raise":
        raise ZeroDivisionError("on purpose")
    if manner == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if manner == "print":
        os.write(1, b"noise\n")
        print("more noise")
        print("errors", file=sys.stderr)
    time.sleep({"hang": 600, "deaf": 600, "slow": 0.6 * LIMIT}.get(manner, 0))
    if manner != "silent":
        emit()


def run_stages(
    manners: dict[str, str],
    names: Sequence[str],
    emit: Callable[[str, Any], None],
    progress: Callable[[str, float], None],
    keep: Keep,
) -> None:
    for name in names:
        progress(name, 0.0)
        manner = manners[name].removesuffix(KNOWING)
        if manner != manners[name]:
            keep(name, SoFar(NvmlFacts(route="nvml", name="RTX"), "nvmlDeviceGetUUID", ("uuid", "serial")))
            keep(name, SoFar(NvmlFacts(route="nvml", name="RTX", uuid="GPU-1"), "nvmlDeviceGetSerial", ("serial",)))
        act(manner, lambda name=name: emit(name, census(len(name))))  # type: ignore[misc]


def job(label: str = "card", **manners: str) -> Job:
    return Job(label, tuple(manners), partial(run_stages, manners))


def watch(*jobs: Job, limit: float = LIMIT, on_event: watchdog.OnEvent = watchdog.ignore) -> list[dict[str, Section]]:
    return supervise(jobs, lambda _name: limit, on_event)


def failed(section: Section) -> str:
    assert isinstance(section, Unavailable)
    assert section.unavailable == Reason.FAILED
    return section.detail


def test_all_is_well(each_method: str) -> None:
    events: list[Event] = []
    (sections,) = watch(job(pci="fine", driver="fine"), limit=10, on_event=events.append)
    assert sections == {"pci": census(3), "driver": census(6)}
    assert [(e.stage, e.share, e.section is not None) for e in events] == [
        ("pci", 0.0, False),
        ("pci", 1.0, True),
        ("driver", 0.0, False),
        ("driver", 1.0, True),
    ]


def test_a_hang_costs_one_stage(each_method: str) -> None:
    started = time.monotonic()
    (sections,) = watch(job(pci="fine", nvml="hang", census="fine"))
    assert sections["pci"] == census(3)
    assert sections["nvml"] == Unavailable(unavailable=Reason.TIMED_OUT, detail="no answer within 1 s")
    assert sections["census"] == census(6)
    assert list(sections) == ["pci", "nvml", "census"]
    assert time.monotonic() - started < 10


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("manner", "reason", "words"),
    [
        ("hang", Reason.TIMED_OUT, "nvmlDeviceGetSerial: no answer within 1 s"),
        ("segfault", Reason.FAILED, "nvmlDeviceGetSerial: the process examining the card died: signal SIGSEGV"),
        ("raise", Reason.FAILED, "nvmlDeviceGetSerial: ZeroDivisionError: on purpose"),
    ],
)
def test_what_a_stage_knew_before_it_hung_or_died_is_kept(
    each_method: str, manner: str, reason: Reason, words: str
) -> None:
    (sections,) = watch(job(nvml=manner + KNOWING, census="fine"))
    found = sections["nvml"]
    assert isinstance(found, NvmlFacts)
    assert (found.name, found.uuid, found.serial) == ("RTX", "GPU-1", None)
    assert found.missing == {"serial": Unavailable(unavailable=reason, detail=words)}
    assert sections["census"] == census(6)


def test_what_a_stage_knew_is_no_other_stages(method: str) -> None:
    (sections,) = watch(job(nvml="fine" + KNOWING, census="hang"))
    assert sections["nvml"] == census(4)
    assert sections["census"] == Unavailable(unavailable=Reason.TIMED_OUT, detail="no answer within 1 s")


def test_a_driver_that_hangs_thrice_in_a_row_is_asked_no_more(method: str) -> None:
    (sections,) = watch(job(pci="fine", cuda="hang", census="hang", throughput="hang", bandwidth="fine", load="fine"))
    assert sections["pci"] == census(3)
    for name in ("cuda", "census", "throughput"):
        assert sections[name] == Unavailable(unavailable=Reason.TIMED_OUT, detail="no answer within 1 s")
    for name in ("bandwidth", "load"):
        left = sections[name]
        assert isinstance(left, Unavailable)
        assert (left.unavailable, "not tried" in left.detail) == (Reason.TIMED_OUT, True)


def test_one_answer_between_hangs_keeps_the_rest_going(method: str) -> None:
    (sections,) = watch(job(a="hang", b="hang", cc="fine", d="hang", e="hang", ff="fine"))
    assert (sections["cc"], sections["ff"]) == (census(2), census(2))


def test_a_child_deaf_to_terminate_is_killed(method: str) -> None:
    (sections,) = watch(job(nvml="deaf", census="fine"))
    assert getattr(sections["nvml"], "unavailable", None) == Reason.TIMED_OUT
    assert sections["census"] == census(6)


def test_each_stage_has_the_whole_limit(method: str) -> None:
    (sections,) = watch(job(a="slow", bb="slow", ccc="slow"))
    assert sections == {"a": census(1), "bb": census(2), "ccc": census(3)}


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("manner", "words"),
    [
        ("segfault", "the process examining the card died: signal SIGSEGV"),
        ("kill", "the process examining the card died: signal SIGKILL"),
        ("exit", "the process examining the card died: exit code 3"),
        ("raise", "ZeroDivisionError: on purpose"),
    ],
)
def test_a_crash_costs_one_stage(each_method: str, manner: str, words: str) -> None:
    (sections,) = watch(job(pci="fine", cuda=manner, census="fine"), limit=10)
    assert sections["pci"] == census(3)
    assert words in failed(sections["cuda"])
    assert sections["census"] == census(6)


def test_every_stage_crashes(method: str) -> None:
    (sections,) = watch(job(a="exit", b="exit", c="exit"), limit=10)
    assert all("exit code 3" in failed(section) for section in sections.values())


def test_a_stage_without_an_answer(method: str) -> None:
    (sections,) = watch(job(pci="silent", census="silent"), limit=10)
    assert failed(sections["pci"]) == failed(sections["census"]) == "the stage gave no answer"


def lose_the_device(
    names: Sequence[str], emit: Callable[[str, Any], None], progress: Callable[[str, float], None], keep: Keep
) -> Sequence[str]:
    """Settle one stage a process, and tell in its section which process that was."""
    if "stubborn" not in names[0]:
        emit(names[0], census(os.getpid()))
        return names[1:]
    return names


@pytest.mark.parametrize("supervised", [True, False])
def test_what_is_left_goes_to_a_fresh_process(method: str, supervised: bool) -> None:
    lost = Job("card", ("a", "bb", "ccc"), lose_the_device)
    sections = watch(lost, limit=10)[0] if supervised else watchdog.run_here(lost)
    assert list(sections) == ["a", "bb", "ccc"]
    assert len({getattr(section, "sm_count", None) for section in sections.values()}) == (3 if supervised else 1)


@pytest.mark.parametrize("supervised", [True, False])
def test_a_stage_that_wants_process_after_process_gets_no_more(method: str, supervised: bool) -> None:
    stubborn = Job("card", ("a", "stubborn", "ccc"), lose_the_device)
    sections = watch(stubborn, limit=10)[0] if supervised else watchdog.run_here(stubborn)
    assert sections["a"] != sections["stubborn"]
    assert isinstance(sections["stubborn"], Unavailable)
    assert len(sections) == 3


def test_children_do_not_write_to_our_output(each_method: str, capfd: pytest.CaptureFixture[str]) -> None:
    watch(job(pci="print"), limit=10)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_child_is_deaf_to_ctrl_c(each_method: str) -> None:
    (sections,) = watch(job(pci="interrupt"), limit=10)
    assert sections["pci"] == census(3)


def test_cards_side_by_side_keep_their_order(method: str) -> None:
    started = time.monotonic()
    jobs = [job(str(n), nvml="hang", census="fine") if n % 2 else job(str(n), nvml="fine") for n in range(5)]
    found = supervise(jobs, lambda _name: LIMIT, at_once=5)
    assert time.monotonic() - started < 15
    assert [len(sections) for sections in found] == [1, 2, 1, 2, 1]
    assert [sections["nvml"] == census(4) for sections in found] == [True, False, True, False, True]
    assert found[1]["census"] == census(6)


def test_limits_by_stage(method: str) -> None:
    limits = {"a": 30.0, "b": 0.5}
    (sections,) = supervise([job(a="slow", b="hang")], limits.__getitem__)
    assert sections["a"] == census(1)
    assert sections["b"] == Unavailable(unavailable=Reason.TIMED_OUT, detail="no answer within 0.5 s")


def test_nothing_to_do(method: str) -> None:
    assert watch(Job("card", (), partial(run_stages, {}))) == [{}]
    assert watch() == []


class Unpicklable:
    def __reduce__(self) -> Any:
        raise TypeError("cannot be sent")


def emit_oddities(
    names: Sequence[str], emit: Callable[[str, Any], None], progress: Callable[[str, float], None], keep: Keep
) -> None:
    emit("nobody asked", census(1))
    for name in names:
        emit(name, Unpicklable() if name == "odd" else census(2))


def test_oddities_are_dropped(method: str) -> None:
    (sections,) = watch(Job("card", ("odd", "plain"), emit_oddities), limit=10)
    assert "cannot be sent" in failed(sections["odd"])
    assert sections["plain"] == census(2)
    assert list(sections) == ["odd", "plain"]


def test_a_card_that_cannot_be_sent_to_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "start_method", lambda: "spawn")
    lock = threading.Lock()
    (sections,) = watch(Job("card", ("pci", "nvml"), partial(run_stages, lock)), limit=10)  # type: ignore[arg-type]
    assert "no process could be started" in failed(sections["pci"])
    assert "no process could be started" in failed(sections["nvml"])


def _connection_of(send: child.Send) -> Any:
    closure: Any = getattr(send, "__closure__", None)
    return closure[0].cell_contents


def talk_by_half(send: child.Send) -> None:
    send("whole")
    _connection_of(send).sendall(child._HEADER.pack(1000) + b"half")
    os._exit(1)


def talk_nonsense(send: child.Send) -> None:
    _connection_of(send).sendall(child._HEADER.pack(4) + b"junk")
    send("after")


def listen(work: child.Work) -> list[Any]:
    one = child.Child(work)
    heard: list[Any] = []
    deadline = time.monotonic() + 10
    while not one.at_end and time.monotonic() < deadline:
        child.wait([one], 1)
        heard += one.receive()
    assert one.at_end
    one.kill()
    return heard


def test_half_a_message_is_dropped(each_method: str) -> None:
    assert listen(talk_by_half) == ["whole"]


def test_a_message_that_makes_no_sense_is_marked(method: str) -> None:
    garbled, after = listen(talk_nonsense)
    assert isinstance(garbled, child.Garbled)
    assert after == "after"


def test_a_child_that_cannot_be_killed_is_left_behind(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "TERMINATE_SECONDS", 0.05)
    monkeypatch.setattr(child, "KILL_SECONDS", 0.1)
    one = child.Child(partial(_sleep_on, 600))
    process = one._process
    monkeypatch.setattr(process, "terminate", lambda: None)
    kill = process.kill
    monkeypatch.setattr(process, "kill", lambda: None)
    started = time.monotonic()
    assert one.kill() is False
    assert time.monotonic() - started < 2
    assert process not in child.process_registry._children  # type: ignore[attr-defined]
    kill()
    process.join(5)


def _sleep_on(seconds: float, _send: child.Send) -> None:
    time.sleep(seconds)


def test_call(each_method: str) -> None:
    assert child.call(partial(divmod, 7, 2), 10) == (3, 1)
    with pytest.raises(ChildProcessError, match="ZeroDivisionError"):
        child.call(partial(divmod, 7, 0), 10)
    with pytest.raises(ChildProcessError, match="exit code 5"):
        child.call(partial(os._exit, 5), 10)
    with pytest.raises(TimeoutError, match=r"no answer within 0\.3 s"):
        child.call(partial(time.sleep, 600), 0.3)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ctrl_c_kills_the_children_and_goes_on() -> None:
    script = textwrap.dedent(
        """
        import time
        from functools import partial
        from gpucheck.watchdog import Job, supervise
        def run(names, emit, progress, keep):
            progress("nvml", 0.0)
            time.sleep(600)
        def tell(event):
            print("begun", flush=True)
        if __name__ == "__main__":
            try:
                supervise([Job("a", ("nvml",), run), Job("b", ("nvml",), run)], lambda name: 600.0, tell)
            except KeyboardInterrupt:
                print("interrupted", flush=True)
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    assert process.stdout.readline() == "begun\n"
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)
    assert not _members_of(process.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="a Linux service")
def test_children_die_with_a_killed_parent() -> None:
    script = textwrap.dedent(
        """
        import time
        from gpucheck.watchdog import Job, supervise
        def run(names, emit, progress, keep):
            progress("nvml", 0.0)
            time.sleep(600)
        supervise([Job("a", ("nvml",), run)], lambda name: 600.0, lambda event: print("begun", flush=True))
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    process.stdout.readline()
    process.kill()
    process.communicate(timeout=20)
    deadline = time.monotonic() + 5
    while _members_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _members_of(process.pid)


def _members_of(session: int) -> list[int]:
    members = []
    for entry in Path("/proc").iterdir():
        try:
            state, _parent, _group, owner = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(owner) == session and state != "Z":
            members.append(int(entry.name))
    return members


def test_forking_only_where_it_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    for name in ("cupy", "pynvml"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert child.start_method() == "fork"
    monkeypatch.setitem(sys.modules, "pynvml", sys)
    assert child.start_method() == "spawn"
    monkeypatch.delitem(sys.modules, "pynvml")
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert child.start_method() == "spawn"
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert child.start_method() == "spawn"


class FakeCard:
    """A card without a device, whose NVML stage does as it is told."""

    simulated = None

    def __init__(self, label: str, manner: str, broken: bool = False) -> None:
        self.label, self.manner, self.broken = label, manner, broken

    def host(self) -> Host:
        if self.broken:
            raise OSError("no host")
        return Host(os="TestOS")

    def sources(self, _keep: Any = None) -> dict[str, Callable[[], Section]]:
        if self.broken:
            raise OSError("no sources")
        return {"pci": partial(_unsupported, "pci"), "nvml": partial(_act, self.manner)}

    def open_device(self) -> Any:
        raise AssertionError("not asked for")

    def telemetry(self) -> Any:
        raise AssertionError("not asked for")


def _unsupported(text: str) -> Section:
    return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=text)


def _act(manner: str) -> Section:
    act(manner, lambda: None)
    return Unavailable(unavailable=Reason.NOT_INSTALLED, detail="nvml")


def test_collecting_cards(each_method: str) -> None:
    cards = [FakeCard("a", "fine"), FakeCard("b", "hang"), FakeCard("c", "exit"), FakeCard("d", "fine", broken=True)]
    evidence = watchdog.collect_all(cards, Plan(probe=False), timeout_seconds=LIMIT)
    assert [e.label for e in evidence] == ["a", "b", "c", "d"]
    reasons = [getattr(e.nvml, "unavailable", None) for e in evidence]
    assert reasons == [Reason.NOT_INSTALLED, Reason.TIMED_OUT, Reason.FAILED, Reason.FAILED]
    assert evidence[1].pci == _unsupported("pci")
    assert evidence[0].host.os == "TestOS"
    assert "no sources" in getattr(evidence[3].nvml, "detail", "")


def test_collecting_one_card_in_this_process() -> None:
    events: list[Event] = []
    evidence = watchdog.collect_guarded(
        FakeCard("a", "fine"), Plan(probe=False), timeout_seconds=None, on_event=events.append
    )
    assert evidence.pci == _unsupported("pci")
    assert [e.stage for e in events if e.section] == ["pci", "nvml"]


def test_a_job_that_fails_in_this_process() -> None:
    sections = watchdog.run_here(job(pci="fine", nvml="raise", census="fine"))
    assert sections["pci"] == census(3)
    assert "ZeroDivisionError" in failed(sections["nvml"])
    assert "ZeroDivisionError" in failed(sections["census"])


def emit_a_number(
    names: Sequence[str], emit: Callable[[str, Any], None], progress: Callable[[str, float], None], keep: Keep
) -> None:
    emit("nvml", 7)


def test_a_malformed_section_does_not_lose_the_card(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_job", lambda card, _plan: Job(card.label, ("nvml",), emit_a_number))
    evidence = watchdog.collect_guarded(FakeCard("a", "fine"), Plan(probe=False), timeout_seconds=10)
    assert "malformed" in getattr(evidence.nvml, "detail", "")
