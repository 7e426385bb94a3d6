"""What the kernel says: CPU time of processes, of the whole machine, resident memory; and on which
CPU a process runs.

CPU time of a process is the sum over its threads of the first field of schedstat, in nanoseconds:
exact where the ticks of /proc/PID/stat are too coarse for a short measurement.
"""

import os
import platform
import re
from collections.abc import Iterable
from typing import Optional

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Fields of the first line of /proc/stat behind its name: all that is not idle time, guests left
# out, they are in user.
BUSY_FIELDS = (0, 1, 2, 5, 6, 7)


def read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def thread_ids(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except FileNotFoundError:
        return []


def cpu_ns(pid: int) -> int:
    """CPU time that all threads of a process have used so far."""
    total = 0
    for thread in thread_ids(pid):
        try:
            total += int(read(f"/proc/{pid}/task/{thread}/schedstat").split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass  # It ended between the two looks.
    return total


def cpu_ns_of(pids: Iterable[int]) -> int:
    return sum(cpu_ns(pid) for pid in pids)


class MachineTime:
    """CPU time of the whole machine since boot, in seconds."""

    def __init__(self) -> None:
        fields = [int(word) for word in read("/proc/stat").split("\n", 1)[0].split()[1:9]]
        self.busy_s = sum(fields[index] for index in BUSY_FIELDS) / TICKS_PER_SECOND
        self.steal_s = fields[7] / TICKS_PER_SECOND
        self.total_s = sum(fields) / TICKS_PER_SECOND


def resident_bytes(pid: int) -> int:
    """Resident memory by a walk over the pages: VmRSS lags behind by dozens of them per core."""
    match = re.search(r"^Rss:\s+(\d+) kB", read(f"/proc/{pid}/smaps_rollup"), re.MULTILINE)
    return int(match.group(1)) * 1024 if match else 0


def segments_sent() -> int:
    """TCP segments that the machine has sent since boot, without those sent again."""
    lines = [
        line.split() for line in read("/proc/net/snmp").splitlines() if line.startswith("Tcp:")
    ]
    return int(dict(zip(*lines))["OutSegs"])


def pin(pid: int, cpus: Optional[set[int]]) -> None:
    """Binds every thread of a process to these CPUs; None lets them run anywhere."""
    allowed = cpus if cpus is not None else set(range(os.cpu_count() or 1))
    for thread in thread_ids(pid):
        try:
            os.sched_setaffinity(thread, allowed)
        except ProcessLookupError:
            pass


def description() -> dict[str, str]:
    """Facts about the machine that belong beside every table."""
    model = re.search(r"^model name\s*:\s*(.+)$", read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+)", read("/proc/meminfo"), re.MULTILINE)
    return {
        "processor": model.group(1) if model else platform.machine(),
        "cpus": str(os.cpu_count()),
        "memory": f"{int(memory.group(1)) >> 20} GiB" if memory else "unknown",
        "kernel": platform.release(),
    }
