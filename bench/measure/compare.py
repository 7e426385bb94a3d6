"""Study `peers`: every workload, every proxy on this machine, in pair and in split."""

from . import peers, tables
from .rounds import Recorder, say
from .study import Study
from .workloads import BY_NAME, KeySpace

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


def run(study: Study) -> None:
    names = peers.available(study.peer_names)
    for name in sorted(set(study.peer_names) - set(names)):
        say(f"{name} is not on this machine: left out")
    with study.fleet() as fleet:
        recorder = study.recorder("peers", fleet)
        targets = [peers.start(name, fleet) for name in names]
        versions = {target.name: target.version for target in targets}
        for name in study.workload_names:
            workload = BY_NAME[name]
            fleet.fill(KeySpace(workload.key_prefix, workload.key_count, workload.value_bytes))
            if not recorder.load.can_do(workload):
                say(f"{name}: {recorder.load.name} cannot do it: left out")
                continue
            able = [target for target in targets if not peers.lacks(target.name, name)]
            for mode in study.modes:
                recorder.alternate("peers", mode, workload, able)
                study.write("peers.md", _page(study, recorder, versions))


def _page(study: Study, recorder: Recorder, versions: dict[str, str]) -> str:
    text = study.head("Keyway and its peers", versions) + WARNING
    text += f"Load: {recorder.load.name}; medians of {study.plan.rounds} rounds that take turns. "
    text += tables.noise(recorder.rows, study.plan.foreign_max)
    # A peer that is missing from a row could have been its best one.
    for (mode, workload, target), error in recorder.failures.items():
        text += f"\n- **Failed**, {mode}, {workload}, {target}: {error}"
    text += "\n" if recorder.failures else ""
    for mode in study.modes:
        rows = [row for row in recorder.rows if row.pin == mode]
        if not rows:
            continue
        for title, figure in FIGURES:
            text += f"\n## {mode}: {title}\n\n" + tables.by_workload(
                rows, figure, SUBJECT, NOT_PEERS
            )
        text += f"\n## {mode}: CPU of {SUBJECT} as a multiple of each\n\n"
        text += tables.against_each(rows, "total_us", SUBJECT)
    return text
