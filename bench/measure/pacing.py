"""Study `pacing`: what the nap before a poll adds to latency at each load, and what it saves.

An open loop at fixed rates: a closed one slows down with the proxy and hides what waiting costs."""

from collections.abc import Sequence
from typing import Optional

from . import peers, plots, programs, tables
from .rounds import Recorder, Row, median, say
from .study import Study
from .workloads import Workload

SETTINGS = ("off", "auto", "50", "200")
RATES = (100, 300, 1_000, 3_000, 10_000, 20_000, 40_000, 60_000)
CLIENT_COUNT = 50


def run(study: Study) -> None:
    with study.fleet() as fleet:
        recorder = study.recorder("pacing", fleet)
        targets = [peers.start("direct", fleet)]
        targets += [
            peers.start_keyway(fleet, f"pacing-{setting}", pacing=setting) for setting in SETTINGS
        ]
        probe = Workload("probe", "get", clients=CLIENT_COUNT, rate_per_s=RATES[0])
        if not recorder.load.can_do(probe):
            raise SystemExit(
                f"pacing needs a load at fixed rates, which {recorder.load.name} has not"
            )
        for rate in RATES:
            workload = probe.changed(name=f"rate={rate}", rate_per_s=rate)
            for mode in study.modes:
                for round_index in range(study.plan.rounds):
                    for target in targets:
                        recorder.take("pacing", mode, workload, target, round_index, x=rate)
            say(f"pacing {rate}: done")
            study.write("pacing.md", _page(study, recorder, [target.name for target in targets]))


def _page(study: Study, recorder: Recorder, names: Sequence[str]) -> str:
    text = study.head(
        "What pacing adds to latency", {"keyway": programs.version(programs.need("KEYWAY"))}
    )
    text += f"GET from {CLIENT_COUNT} clients at fixed rates. "
    text += "Latency counts from when a request was due. "
    text += tables.noise(recorder.rows, study.plan.foreign_max)
    for mode in study.modes:
        rows = [row for row in recorder.rows if row.pin == mode]
        for figure, label in (("p50_us", "p50"), ("p99_us", "p99")):
            text += f"\n## {mode}: {label} latency, us, of which added to that of `direct`\n\n"
            text += _table(rows, figure, names)
            file = f"pacing-{mode}-{label}.svg"
            study.write(file, _plot(rows, figure, f"{label} added to direct, us ({mode})", names))
            text += f"\n![added {label} latency]({file})\n"
        text += f"\n## {mode}: CPU us per request, proxy and servers\n\n"
        text += tables.table(
            ["requests/s", *names],
            [
                [f"{rate:,}", *(tables.number(_at(rows, rate, name, "total_us")) for name in names)]
                for rate in RATES
            ],
        )
    return text


def _at(rows: Sequence[Row], rate: int, name: str, figure: str) -> Optional[float]:
    return median([row for row in rows if row.x == rate and row.target == name], figure)


def _table(rows: Sequence[Row], figure: str, names: Sequence[str]) -> str:
    lines: list[list[str]] = []
    for rate in RATES:
        direct = _at(rows, rate, "direct", figure)
        cells = [f"{rate:,}", tables.number(direct)]
        for name in names[1:]:
            value = _at(rows, rate, name, figure)
            added = f" ({value - direct:+,.0f})" if value and direct else ""
            cells.append(tables.number(value) + added)
        lines.append(cells)
    return tables.table(["requests/s", *names], lines)


def _plot(rows: Sequence[Row], figure: str, label: str, names: Sequence[str]) -> str:
    series = []
    for name in names[1:]:
        points = []
        for rate in RATES:
            direct, value = _at(rows, rate, "direct", figure), _at(rows, rate, name, figure)
            if direct is not None and value is not None:
                points.append((float(rate), max(0.0, value - direct)))
        series.append(plots.Series(name, points))
    return plots.plot(label, "requests per second", label, series, log_x=True, log_y=False)
