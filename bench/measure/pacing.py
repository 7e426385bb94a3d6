"""Study `pacing`: what the nap before a poll adds to latency at each load, and what it saves.

An open loop at fixed rates: a closed one slows down with the proxy and hides what waiting costs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Optional

from . import peers, plots, tables
from .rounds import Row, median, say
from .study import Study
from .workloads import Workload

NAME = "pacing-{}"
DIRECT = "direct"
SETTINGS = ("off", "auto", "50", "200")
RATES = (100, 1_000, 3_000, 10_000, 20_000, 40_000, 60_000, 80_000)
CLIENT_COUNT = 50
# A p99 needs some hundred requests.
LEAST_REQUESTS = 300
PARTS = [str(rate) for rate in RATES]


def run(study: Study) -> None:
    with study.fleet() as fleet:
        recorder = study.recorder("pacing", fleet)
        targets = [peers.start(DIRECT, fleet)]
        targets += [
            peers.start_keyway(fleet, NAME.format(setting), pacing=setting) for setting in SETTINGS
        ]
        probe = Workload("probe", "get", clients=CLIENT_COUNT, rate_per_s=RATES[0])
        if not recorder.load.can_do(probe):
            raise SystemExit(
                f"pacing needs a load at fixed rates, which {recorder.load.name} has not"
            )
        for rate in RATES:
            if not study.wants(str(rate)):
                continue
            workload = probe.changed(name=f"rate={rate}", rate_per_s=rate)
            duration_s = max(study.plan.duration_s, LEAST_REQUESTS / rate)
            plan = replace(study.plan, duration_s=duration_s)
            for mode in study.modes:
                for index in range(study.plan.rounds):
                    for target in targets:
                        recorder.take("pacing", mode, workload, target, index, rate, plan)
            say(f"pacing {rate}: done")
    publish(study)


def publish(study: Study) -> None:
    rows = study.rows("pacing")
    if rows:
        study.write("pacing.md", _page(study, rows))


def _page(study: Study, all_rows: Sequence[Row]) -> str:
    text = study.head("What pacing adds to latency", "pacing", {"keyway": peers.version("keyway")})
    text += f"GET from {CLIENT_COUNT} clients at fixed rates, with each setting of `pacing`. "
    text += "Latency counts from when a request was due. In brackets: added to that of `off`. "
    text += study.measured(all_rows) + study.failed("pacing")
    for mode in study.modes:
        rows = [row for row in all_rows if row.pin == mode]
        if not rows:
            continue
        for figure, label in (("p50_us", "p50 latency, us"), ("p99_us", "p99 latency, us")):
            text += f"\n## {mode}: {label}\n\n" + _table(rows, figure)
            file = f"pacing-{mode}-{figure.split('_', maxsplit=1)[0]}.svg"
            study.write(file, _plot(rows, figure, label, f"{label} ({mode})"))
            text += f"\n![{label}]({file})\n"
        text += f"\n## {mode}: CPU us per request, proxy and servers\n\n" + _table(rows, "total_us")
    return text


def _at(rows: Sequence[Row], rate: int, setting: str, figure: str) -> Optional[float]:
    name = setting if setting == DIRECT else NAME.format(setting)
    return median([row for row in rows if row.x == rate and row.target == name], figure)


def _table(rows: Sequence[Row], figure: str) -> str:
    lines: list[list[str]] = []
    for rate in RATES:
        off = _at(rows, rate, "off", figure)
        if off is None:
            continue
        cells = [f"{rate:,}"]
        for name in (DIRECT, *SETTINGS):
            value = _at(rows, rate, name, figure)
            is_compared = value is not None and name not in (DIRECT, "off")
            added = f" ({_difference((value or 0) - off)})" if is_compared else ""
            cells.append(tables.number(value) + added)
        lines.append(cells)
    return tables.table(["requests/s", DIRECT, *SETTINGS], lines)


def _difference(value: float) -> str:
    return ("+" if value >= 0 else "-") + tables.number(abs(value))


def _plot(rows: Sequence[Row], figure: str, label: str, title: str) -> str:
    series = []
    for name in (DIRECT, *SETTINGS):
        points = []
        for rate in RATES:
            value = _at(rows, rate, name, figure)
            if value is not None:
                points.append((float(rate), value))
        series.append(plots.Series(name, points))
    return plots.plot(title, "requests per second", label, series, log_x=True, log_y=True)
