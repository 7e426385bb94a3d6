"""Study `hotkeys`: what one celebrity among the keys costs, with copies of hot keys and without.

Reads of 100,000 keys on four servers: 99 of 100 of one key, or by Zipf's law. `keyway-cache` and
`keyway-replicate` are Keyway with `hot_keys: cache` and `replicate`, for keys with 50 requests a
second; every other proxy, and Keyway itself, asks the key's own server each time.
"""

import time
from collections.abc import Sequence

from . import peers, tables
from .fleet import Fleet
from .peers import Target
from .rounds import Row, median, say
from .study import Study
from .workloads import KEY_COUNT, Workload

CACHE = "keyway-cache"
REPLICATE = "keyway-replicate"
NAMES = ("keyway", "twemproxy", "envoy", "predixy")
DISTRIBUTIONS = {"celebrity": f"hot:{100 / KEY_COUNT:g}%:99%", "zipf 1.2": "zipfian:1.2"}
ROWS = [
    Workload(f"{label} p{depth}", "get", pipeline=depth, distribution=distribution)
    for label, distribution in DISTRIBUTIONS.items()
    for depth in (1, 16, 64)
]
# Far below the defaults, so that a thousand keys of Zipf's law are hot, and not only the first.
COPIES = """
  hot_keys: {mode}
  hot_key_rate: 50
  hot_key_share: 0
  hot_key_count: 1024"""
MODES = {CACHE: "cache", REPLICATE: "replicate"}
# A key is found to be hot within a second, and copies of it are made within another one.
WARM_UP_S = 4.0
FIGURES = (
    ("requests per second", "rate_per_s"),
    ("proxy + servers, CPU us per request", "total_us"),
    ("the servers alone, CPU us per request", "backends_us"),
    ("the hottest server's part of all servers' CPU, percent", "hottest_percent"),
    ("p99 latency, us", "p99_us"),
)


def run(study: Study) -> None:
    names = [name for name in peers.available(study.peer_names) if name in NAMES]
    with study.fleet() as fleet:
        recorder = study.recorder("hotkeys", fleet)
        targets = [_with_copies(fleet, name) for name in MODES]
        targets += [peers.start(name, fleet) for name in names]
        for workload in ROWS:
            fleet.fill(workload.space)
            for mode in study.modes:
                # Its keys get hot, and what was hot before cools down.
                for target in targets[: len(MODES)]:
                    recorder.load.run(workload, target.port, WARM_UP_S, [], None)
                time.sleep(0.1)
                recorder.alternate("hotkeys", mode, workload, targets)
            say(f"hotkeys {workload.name}: done")
    publish(study)


def _with_copies(fleet: Fleet, name: str) -> Target:
    return peers.start_keyway(fleet, name, more=COPIES.format(mode=MODES[name]))


def publish(study: Study) -> None:
    rows = study.rows("hotkeys")
    if rows:
        study.write("hotkeys.md", _page(study, rows))


def _page(study: Study, all_rows: Sequence[Row]) -> str:
    names = tables.names(all_rows, "target")
    versions = {name: peers.version(name) for name in names if name not in MODES}
    text = study.head("Hot keys", "hotkeys", versions)
    text += f"GETs of {KEY_COUNT:,} keys on four servers: 99 of 100 of one of them (celebrity), or "
    text += f"by Zipf's law. {CACHE} is Keyway with `hot_keys: cache`, which keeps copies of up to "
    text += f"1,024 keys, from 50 requests a second on; {REPLICATE} is Keyway with `hot_keys: "
    text += "replicate`, which spreads reads of them over copies on all four servers. "
    text += study.measured(all_rows)
    for mode in tables.names(all_rows, "pin"):
        rows = [row for row in all_rows if row.pin == mode]
        for title, figure in FIGURES:
            text += f"\n## {mode}: {title}\n\n" + _table(rows, names, figure)
    return text


def _table(rows: Sequence[Row], names: Sequence[str], figure: str) -> str:
    lines = []
    for workload in tables.names(rows, "workload"):
        found = {
            name: median(
                [row for row in rows if row.workload == workload and row.target == name], figure
            )
            for name in names
        }
        rivals = [value for name, value in found.items() if not name.startswith("keyway") and value]
        best = (max if figure == "rate_per_s" else min)(rivals) if rivals else None
        cells = [tables.number(found[name]) for name in names]
        ratios = [tables.ratio(found[CACHE], found.get("keyway")), tables.ratio(found[CACHE], best)]
        lines.append([workload, *cells, *ratios])
    header = ["workload", *names, f"{CACHE} / keyway", f"{CACHE} / best peer"]
    return tables.table(header, lines)
