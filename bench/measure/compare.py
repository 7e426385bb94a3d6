"""Study `peers`: every workload, every proxy on this machine, in pair and in split."""

from collections.abc import Sequence
from typing import Optional

from . import peers, plots, tables
from .rounds import Row, median, say
from .study import Study
from .workloads import BY_NAME, ROWS

FIGURES = (
    ("proxy + servers, CPU us per request", "total_us"),
    ("requests per second", "rate_per_s"),
    ("p50 latency, us", "p50_us"),
    ("p99 latency, us", "p99_us"),
    ("proxy alone, CPU us per request (see the warning above)", "proxy_us"),
)
WARNING = """\
Judge by proxy + servers and by requests per second: on loopback the kernel charges part of one
process's packet work to the other, so the proxy's own figure can shrink by making the servers work
more. `direct` is one server without a proxy, `floor` a multiplexer without features, `haproxy`
passes bytes on and does not shard: the ratio leaves these three out. An open loop (`lat-1k`) is
judged by its latency.

"""
NOT_PEERS = ("direct", "floor", "haproxy")
SUBJECT = "keyway"
# Rows of which a reader asks how long a request takes.
LATENCY_ROWS = ("get-c1", "lat-1k", "get-p1", "get-p16", "get-c500")
SHOWN_PINS = {
    "pair": "proxy and servers on one core",
    "split": "the proxy alone on its core",
    "free": "nothing pinned",
}


def run(study: Study) -> None:
    names = peers.available(study.peer_names)
    for name in sorted(set(study.peer_names) - set(names)):
        say(f"{name} is not on this machine: left out")
    with study.fleet() as fleet:
        recorder = study.recorder("peers", fleet)
        targets = [peers.start(name, fleet) for name in names]
        for name in study.workload_names:
            workload = BY_NAME[name]
            fleet.fill(workload.space)
            if not recorder.load.can_do(workload):
                say(f"{name}: {recorder.load.name} cannot do it: left out")
                continue
            able = [target for target in targets if not peers.lacks(target.name, name)]
            for mode in study.modes:
                recorder.alternate("peers", mode, workload, able)
    publish(study)


def publish(study: Study) -> None:
    rows = [row for row in study.rows("peers") if row.workload in BY_NAME]
    if not rows:
        return
    order = [row.name for row in ROWS]
    rows.sort(key=lambda row: (order.index(row.workload), peers.NAMES.index(row.target)))
    modes = [mode for mode in SHOWN_PINS if any(row.pin == mode for row in rows)]
    study.write("peers.md", _page(study, rows, modes))
    for mode in modes:
        study.write(f"peers-{mode}.svg", _bars(mode, [row for row in rows if row.pin == mode]))
    study.write_into("README.md", "peers", _summary(study, rows, modes))


def _page(study: Study, all_rows: Sequence[Row], modes: Sequence[str]) -> str:
    versions = {name: peers.version(name) for name in tables.names(all_rows, "target")}
    text = study.head("Keyway and its peers", "peers", versions) + WARNING
    # A peer that is missing from a row could have been its best one.
    text += study.measured(all_rows) + study.failed("peers")
    for mode in modes:
        rows = [row for row in all_rows if row.pin == mode]
        text += f"\n![CPU per request, {mode}](peers-{mode}.svg)\n"
        for title, figure in FIGURES:
            text += f"\n## {mode}: {title}\n\n" + tables.by_workload(
                rows, figure, SUBJECT, NOT_PEERS
            )
        text += f"\n## {mode}: CPU of {SUBJECT} as a multiple of each\n\n"
        text += tables.against_each(rows, "total_us", SUBJECT)
    return text


def _summary(study: Study, all_rows: Sequence[Row], modes: Sequence[str]) -> str:
    """The tables for the page that most people read."""
    text = study.measured(all_rows)
    for mode in modes:
        rows = [row for row in all_rows if row.pin == mode]
        text += f"\n### `{mode}`: {SHOWN_PINS[mode]}\n\n"
        text += "CPU of proxy and servers, us per request, and thousands of requests a second:\n\n"
        text += _cpu_and_rate(rows)
        text += "\nLatency p50 / p99, us:\n\n" + _latency(rows)
    return text


def _at(rows: Sequence[Row], workload: str, target: str, figure: str) -> Optional[float]:
    return median(
        [row for row in rows if row.workload == workload and row.target == target], figure
    )


def _cpu_and_rate(rows: Sequence[Row]) -> str:
    targets = tables.names(rows, "target")
    rivals = [name for name in targets if name not in (SUBJECT, *NOT_PEERS)]
    lines = []
    for workload in tables.names(rows, "workload"):
        cpu = {name: _at(rows, workload, name, "total_us") for name in targets}
        cells = []
        for name in targets:
            rate = _at(rows, workload, name, "rate_per_s")
            cells.append(f"{tables.number(cpu[name])}, {tables.thousands(rate)}")
        known = [value for name in rivals if (value := cpu[name]) is not None]
        best = min(known) if known else None
        ratios = [best, cpu.get("twemproxy"), cpu.get("floor")]
        cells += [tables.ratio(cpu.get(SUBJECT), other) for other in ratios]
        lines.append([workload, *cells])
    header = ["workload", *targets, "Keyway / best peer", "/ twemproxy", "/ floor"]
    return tables.table(header, lines)


def _latency(rows: Sequence[Row]) -> str:
    targets = tables.names(rows, "target")
    lines = []
    for workload in LATENCY_ROWS:
        if not any(row.workload == workload for row in rows):
            continue
        cells = []
        for name in targets:
            p50, p99 = (_at(rows, workload, name, figure) for figure in ("p50_us", "p99_us"))
            cells.append(f"{tables.number(p50)} / {tables.number(p99)}")
        lines.append([workload, *cells])
    return tables.table(["workload", *targets], lines)


def _bars(mode: str, rows: Sequence[Row]) -> str:
    """CPU as a multiple of Keyway's, so that workloads of all sizes fit on one axis."""
    targets = [name for name in tables.names(rows, "target") if name != "direct"]
    groups = []
    for workload in tables.names(rows, "workload"):
        own = _at(rows, workload, SUBJECT, "total_us")
        values = [_at(rows, workload, name, "total_us") for name in targets]
        groups.append((workload, [value / own if value and own else None for value in values]))
    title = f"CPU of proxy and servers per request, Keyway = 1 ({mode})"
    return plots.bars(title, "times Keyway's CPU per request", targets, groups)
