"""Study `profile`: where the time of a request goes, in the proxy and in its servers, and how far
that is from what the kernel alone asks for. Needs perf, and a kernel that lets it look.

Each is measured undisturbed, which gives CPU time per request; then system calls are counted; then
samples are taken, whose shares part the CPU time of the first."""

import json
import re
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable, Optional, TypeVar

from . import machine, peers, pinning, programs, relay, tables
from .load import WARMUP_MS, Load, generator
from .peers import Target
from .rounds import quietest, say
from .stacks import GROUPS, PROGRAM, group_of, stacks
from .study import Study
from .workloads import BY_NAME, Workload

Looked = TypeVar("Looked")
WORKLOADS = ("get-p1", "get-p16", "get-p64", "get-1m")
TARGETS = ("keyway", "floor")
SAMPLES_PER_S = 3_997
# From here on what costs is the bytes, not the calls.
LONG_BYTES = 1 << 20
# What is counted, and the system calls that are each.
CALLS = {
    "sends": ("sendto", "sendmsg", "write", "writev"),
    "receives": ("recvfrom", "recvmsg", "read", "readv"),
    "splices": ("splice",),
    "polls": ("epoll_wait", "epoll_pwait", "epoll_pwait2"),
    "naps": ("nanosleep", "clock_nanosleep", "sched_yield"),
}
SWITCHES = "context-switches"
# The symbols with the most samples that a page shows.
TOP_COUNT = 12


@dataclass(frozen=True)
class Side:
    """The proxy or its servers. Times are CPU us per request, counts are per request."""

    cpu_us: float
    groups: dict[str, float]
    # The functions in which most time is, innermost only.
    functions: dict[str, float]
    calls: dict[str, float]

    @property
    def program_us(self) -> float:
        return sum(self.groups.get(name, 0.0) for name in PROGRAM)

    @property
    def kernel_us(self) -> float:
        return self.cpu_us - self.program_us


@dataclass(frozen=True)
class Profile:
    pin: str
    workload: str
    target: str
    rate_per_s: float
    proxy: Side
    servers: Side
    # TCP segments of the whole machine: those of the load and acknowledgements are among them.
    segments: float
    foreign: float

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.pin, self.workload, self.target)

    @property
    def cpu_us(self) -> float:
        return self.proxy.cpu_us + self.servers.cpu_us


def run(study: Study) -> None:
    if programs.find("PERF") is None:
        say("profile: perf is not on this machine: left out")
        return
    kept = {profile.key: profile for profile in _read(study)} if study.keep else {}
    names = [name for name in TARGETS if name in peers.available(study.peer_names)]
    with study.fleet() as fleet:
        load = generator(study.load_name, fleet.processes.folder)
        targets = [peers.start(name, fleet) for name in names]
        for name in WORKLOADS:
            if name not in study.workload_names:
                continue
            fleet.fill(BY_NAME[name].space)
            for mode in study.modes:
                for target in targets:
                    profile = _profile(study, load, target, BY_NAME[name], mode)
                    kept[profile.key] = profile
                    lines = [json.dumps(asdict(row)) + "\n" for row in kept.values()]
                    study.rows_path("profile").write_text("".join(lines))
                say(f"profile {mode} {name}: done")
    publish(study)


def publish(study: Study) -> None:
    profiles = _read(study)
    if not profiles:
        return
    study.write("profile.md", _page(study, profiles))
    for mode in dict.fromkeys(profile.pin for profile in profiles):
        here = [profile for profile in profiles if profile.pin == mode]
        study.write_into("PROFILE.md", f"groups-{mode}", _groups(_of_keyway(here)))
        study.write_into("PROFILE.md", f"calls-{mode}", _calls(here))
        study.write_into("PROFILE.md", f"limits-{mode}", _limits(study, here))


def _read(study: Study) -> list[Profile]:
    path = study.rows_path("profile")
    records = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [
        Profile(**{**row, "proxy": Side(**row["proxy"]), "servers": Side(**row["servers"])})
        for row in records
    ]


def _profile(study: Study, load: Load, target: Target, workload: Workload, mode: str) -> Profile:
    rounds = [quietest(load, target, workload, mode, study.plan) for _ in range(study.plan.rounds)]
    duration_s = study.plan.duration_s
    cpus = pinning.place(target, mode)
    path = str(study.output / "perf.data")
    pids = [target.pid, *target.backend_pids]

    # Each in a run of its own: taking samples makes requests slower, which would upset the counts.
    def during(look: Callable[[], Looked]) -> tuple[Looked, float]:
        with ThreadPoolExecutor(1) as pool:
            # A bit longer, so that perf can begin and end.
            running = pool.submit(load.run, workload, target.port, duration_s + 1, pids, cpus)
            time.sleep(WARMUP_MS / 1e3 + 0.3)
            return look(), running.result().rate_per_s

    (calls, segments), rate_per_s = during(lambda: _count(pids, duration_s))
    during(lambda: _sample(pids, duration_s, path))
    groups, functions = _shares(path, target.pid)
    Path(path).unlink()
    requests = rate_per_s * duration_s

    def side(is_proxy: bool, cpu_us: float) -> Side:
        counts: Counter[str] = Counter()
        for pid, of_process in calls.items():
            if (pid == target.pid) == is_proxy:
                counts.update(of_process)
        return Side(
            cpu_us=cpu_us,
            groups={name: share * cpu_us for name, share in groups[is_proxy].items()},
            functions={name: share * cpu_us for name, share in functions[is_proxy].items()},
            calls={name: count / requests for name, count in counts.items()},
        )

    return Profile(
        pin=mode,
        workload=workload.name,
        target=target.name,
        rate_per_s=statistics.median(figures.rate_per_s for figures in rounds),
        proxy=side(True, statistics.median(figures.proxy_us for figures in rounds)),
        servers=side(False, statistics.median(figures.backends_us for figures in rounds)),
        segments=segments / requests,
        foreign=max(figures.foreign for figures in rounds),
    )


def _perf(*words: str) -> str:
    outcome = subprocess.run(
        [programs.need("PERF"), *words], capture_output=True, text=True, check=False
    )
    if outcome.returncode != 0:
        raise SystemExit(f"perf {' '.join(words)}: status {outcome.returncode}: {outcome.stderr}")
    return outcome.stderr


def _count(pids: Sequence[int], duration_s: float) -> tuple[dict[int, Counter[str]], int]:
    """System calls and context switches by process, and TCP segments of the machine."""
    kind_of = {
        f"syscalls:sys_enter_{call}": kind for kind, names in CALLS.items() for call in names
    }
    kind_of[SWITCHES] = SWITCHES
    of_thread = {str(thread): pid for pid in pids for thread in machine.thread_ids(pid)}
    before = machine.segments_sent()
    text = _perf(
        *("stat", "--per-thread", "-x", ";", "-e", ",".join(kind_of)),
        *("-p", ",".join(map(str, pids)), "--", "sleep", str(duration_s)),
    )
    segments = machine.segments_sent() - before
    calls: dict[int, Counter[str]] = {pid: Counter() for pid in pids}
    for line in text.splitlines():
        # Name-thread, count, unit, event, ...
        fields = line.split(";")
        if len(fields) < 4 or not fields[1].isdigit():
            continue
        pid = of_thread.get(fields[0].rsplit("-", 1)[-1])
        if pid is not None:
            calls[pid][kind_of[fields[3]]] += int(fields[1])
    return calls, segments


def _sample(pids: Sequence[int], duration_s: float, path: str) -> None:
    _perf(
        *("record", "-e", "cpu-clock", "-F", str(SAMPLES_PER_S), "-g", "-o", path),
        *("-p", ",".join(map(str, pids)), "--", "sleep", str(duration_s)),
    )


Shares = dict[bool, dict[str, float]]


def _shares(path: str, proxy_pid: int) -> tuple[Shares, Shares]:
    """Of the samples of the proxy (True) and of the servers (False): by group and by function."""
    groups: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    functions: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for stack in stacks(programs.need("PERF"), path):
        is_proxy = stack.pid == proxy_pid
        groups[is_proxy][group_of(stack)] += 1
        functions[is_proxy][stack.functions[0]] += 1

    def shares(counts: Counter[str]) -> dict[str, float]:
        total = max(1, counts.total())
        return {name: count / total for name, count in counts.most_common(TOP_COUNT)}

    return (
        {
            side: {name: count / max(1, counts.total()) for name, count in counts.items()}
            for side, counts in groups.items()
        },
        {side: shares(counts) for side, counts in functions.items()},
    )


# The page.


def _page(study: Study, profiles: Sequence[Profile]) -> str:
    text = study.head("Where the time goes", "profile", {"keyway": peers.version("keyway")})
    text += "CPU time in us, counts, all per request. " + tables.noise(
        profiles, study.plan.foreign_max
    )
    for mode in dict.fromkeys(profile.pin for profile in profiles):
        here = [profile for profile in profiles if profile.pin == mode]
        own = _of_keyway(here)
        text += f"\n## {mode}: Keyway and its servers\n\n" + _groups(own)
        text += f"\n## {mode}: calls per request\n\n" + _calls(here)
        text += f"\n## {mode}: how far from the limit\n\n" + _limits(study, here)
        text += f"\n## {mode}: functions of Keyway with the most time\n\n" + _functions(own)
    return text


def _of_keyway(profiles: Sequence[Profile]) -> list[Profile]:
    return [profile for profile in profiles if profile.target == TARGETS[0]]


def _sides(profiles: Sequence[Profile]) -> list[tuple[str, Side]]:
    return [
        (f"{profile.workload} {name}", side)
        for profile in profiles
        for name, side in (("proxy", profile.proxy), ("servers", profile.servers))
    ]


def _cell(value: float) -> str:
    return tables.number(value) if value else ""


def _groups(profiles: Sequence[Profile]) -> str:
    sides = _sides(profiles)
    lines = [
        [name, *(_cell(side.groups.get(name, 0.0)) for _, side in sides)]
        for name in GROUPS
        if any(side.groups.get(name, 0.0) for _, side in sides)
    ]
    lines.append(["**all**", *(tables.number(side.cpu_us) for _, side in sides)])
    return tables.table(["us per request", *(name for name, _ in sides)], lines)


def _calls(profiles: Sequence[Profile]) -> str:
    kinds = [*CALLS, SWITCHES]
    lines = []
    for profile in profiles:
        for name, side in (("proxy", profile.proxy), ("servers", profile.servers)):
            cells = [_count_text(side.calls.get(kind, 0.0)) for kind in kinds]
            segments = _count_text(profile.segments) if name == "proxy" else ""
            lines.append([f"{profile.workload}, {profile.target}: {name}", *cells, segments])
    return tables.table(["", *kinds, "segments, all"], lines)


def _count_text(value: float) -> str:
    return f"{value:.3g}" if value >= 0.0005 else ""


def _limits(study: Study, profiles: Sequence[Profile]) -> str:
    lines = []
    by_target: dict[str, Mapping[str, Profile]] = {
        name: {profile.workload: profile for profile in profiles if profile.target == name}
        for name in TARGETS
    }
    for workload, own in by_target["keyway"].items():
        floor = by_target["floor"].get(workload)
        least_us, limit_us = _limit_us(study, own)
        lines.append(
            [
                workload,
                *(tables.number(value) for value in (own.cpu_us, own.proxy.program_us)),
                *(tables.number(value) for value in (own.proxy.kernel_us, own.servers.kernel_us)),
                *(tables.number(value) for value in (own.servers.program_us, least_us, limit_us)),
                tables.ratio(own.cpu_us, limit_us),
                tables.number(floor.cpu_us if floor else None),
                tables.ratio(own.cpu_us, floor.cpu_us if floor else None),
            ]
        )
    header = ["us per request", "Keyway and servers", "Keyway's own code", "kernel in Keyway"]
    header += ["kernel in servers", "servers' own code", "least kernel", "limit", "of limit"]
    return tables.table([*header, "floor", "of floor"], lines)


def _limit_us(study: Study, profile: Profile) -> tuple[Optional[float], Optional[float]]:
    """The least that the kernel takes in a proxy, and with the servers' own work.

    Of short values: one receive and one send for each pipeline of a client, at what a call costs
    Keyway; requests to servers gathered without end. Of long ones: what moving the bytes costs from
    one connection to another (study `relay`), which runs as in `pair`.
    """
    workload = BY_NAME[profile.workload]
    if workload.value_bytes < LONG_BYTES:
        calls = sum(profile.proxy.calls.get(kind, 0.0) for kind in ("sends", "receives"))
        least_us = profile.proxy.kernel_us / calls * (2 / workload.pipeline)
        return least_us, least_us + profile.servers.program_us
    moved = relay.copied(study, workload.value_bytes) if profile.pin == "pair" else None
    return (moved.relay_us, moved.both_us) if moved else (None, None)


def _functions(profiles: Sequence[Profile]) -> str:
    lines = []
    for rank in range(TOP_COUNT):
        cells = []
        for profile in profiles:
            found = list(profile.proxy.functions.items())
            name, value = found[rank] if rank < len(found) else ("", 0.0)
            cells.append(f"{_readable(name)} {_cell(value)}")
        lines.append([str(rank + 1), *cells])
    return tables.table(["", *(profile.workload for profile in profiles)], lines)


def _readable(name: str) -> str:
    """Of a mangled Swift name its words: `Session.Engine.readRequests`."""
    if not name.startswith("$s"):
        return name
    words: list[str] = []
    rest = name[2:]
    while (found := re.match(r"\D*?(\d+)", rest)) and len(words) < 3:
        end = found.end() + int(found.group(1))
        words.append(rest[found.end() : end])
        rest = rest[end:]
    return ".".join(words)
