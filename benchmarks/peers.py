"""What memory testers and bandwidth tools of others print, read into bytes per second.

All rates are brought to one convention: reading or writing N bytes counts N, copying 2N, a triad over three arrays 3N,
writing N bytes and verifying them 2N.
"""

import re

MIB = 1 << 20
Values = dict[str, float]

_GPU_STREAM_COLUMNS = {"init": "write", "read": "read", "scale": "copy", "triad": "triad"}


class UnreadableError(ValueError):
    """The output holds no figure that we know how to read."""


def cuda_memtest(text: str) -> Values:
    """Read test 1 of cuda_memtest, "own address": all that it allocated written once and read once, so 2N.

    It prints tenths of a second, so on a small or fast card the figure is coarse; ``coarseness`` is half a tenth over
    the time. Raises ``UnreadableError``.
    """
    size = re.search(r"Allocated (\d+) MB", text)
    time = re.search(r"Test1 finished in (\d+(?:\.\d+)?) seconds", text)
    if not size or not time:
        raise UnreadableError("no line tells the size and the time of test 1")
    seconds = float(time[1])
    if seconds <= 0:
        raise UnreadableError("test 1 took less than the tenth of a second that is printed")
    tested = int(size[1]) * MIB
    return {"walk": 2 * tested / seconds, "tested_bytes": float(tested), "coarseness": 0.05 / seconds}


def gpu_stream(text: str) -> Values:
    """Read the best of each column of gpu-stream, which counts N, N, 2N and 3N. Raises ``UnreadableError``."""
    head = next((line for line in text.splitlines() if "init" in line and "triad" in line), None)
    if head is None:
        raise UnreadableError("there is no line of column titles")
    titles = head.partition("|")[2].split()
    rows = [list(map(float, line.partition("GB/s:")[2].split())) for line in text.splitlines() if "GB/s:" in line]
    rows = [row for row in rows if len(row) == len(titles)]
    if not rows:
        raise UnreadableError("there is no row of figures")
    best = {title: max(row[at] for row in rows) * 1e9 for at, title in enumerate(titles)}
    return {ours: best[theirs] for theirs, ours in _GPU_STREAM_COLUMNS.items() if theirs in best}


def nvbandwidth(text: str) -> Values:
    """Read ``device_local_copy`` of nvbandwidth on one card. It counts a copy of N bytes once: doubled here.

    Raises ``UnreadableError``.
    """
    found = re.search(r"^SUM device_local_copy (\d+(?:\.\d+)?)", text, re.MULTILINE)
    if not found:
        raise UnreadableError("there is no sum of device_local_copy")
    return {"copy": 2 * float(found[1]) * 1e9}
