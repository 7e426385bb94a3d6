"""Command line: `python3 -m measure STUDY`, from the folder bench/. What each study is stands in
its module."""

import argparse
import inspect
import shlex
import sys
from pathlib import Path
from typing import Callable

from . import compare, growth, load, memory, pacing, peers, pinning, relay
from .rounds import Plan
from .study import Study
from .workloads import BY_NAME

STUDIES = {
    "peers": compare.run,
    "memory": memory.run,
    "growth": growth.run,
    "pacing": pacing.run,
    "relay": relay.run,
}


def _names(allowed: list[str]) -> Callable[[str], list[str]]:
    def split(text: str) -> list[str]:
        names = text.split(",")
        unknown = [name for name in names if name not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"{', '.join(unknown)}: there are {', '.join(allowed)}"
            )
        return names

    return split


PROGRAMS = """
programs are found in PATH and in .build/release, or named by the environment variables KEYWAY,
KEYWAY_BENCH, VALKEY, VALKEY_BENCHMARK, TWEMPROXY, HAPROXY, ENVOY, PREDIXY and CC
"""


def _epilog() -> str:
    """What each study is, from its module's own words."""
    lines = ["studies:"]
    for name, run in STUDIES.items():
        text = inspect.getdoc(sys.modules[run.__module__]) or ""
        sentence = " ".join(text.split(": ", 1)[-1].split()).split(". ")[0].rstrip(".")
        lines.append(f"  {name:8} {sentence}")
    return "\n".join([*lines, "  all      all of them", PROGRAMS])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 -m measure",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures Keyway and its peers on this machine; all load stays on 127.0.0.1.",
        epilog=_epilog(),
    )
    add = parser.add_argument
    loads = [load.KeywayBench.name, load.ValkeyBenchmark.name]
    workloads = list(BY_NAME)
    add("study", choices=[*STUDIES, "all"])
    add("-o", "--output", type=Path, default=Path("results"), help="folder for what is made")
    add("--load", choices=loads, default=loads[0], help="load generator (default: %(default)s)")
    add(
        "--pin",
        type=_names(list(pinning.MODES)),
        default=["pair", "split"],
        metavar="A,B",
        help=f"of {', '.join(pinning.MODES)} (default: pair,split)",
    )
    add(
        "--peers",
        type=_names(peers.NAMES),
        default=peers.NAMES,
        metavar="A,B",
        help=f"of {', '.join(peers.NAMES)}; those on this machine by default",
    )
    add(
        "--workloads",
        type=_names(workloads),
        default=workloads,
        metavar="A,B",
        help=f"of {', '.join(workloads)}; all by default",
    )
    add("--rounds", type=int, default=5, metavar="N", help="default: %(default)s")
    add("--duration", type=float, default=2.0, metavar="S", help="of one measurement (%(default)s)")
    add("--retries", type=int, default=3, metavar="N", help="while others use the machine")
    add(
        "--quiet",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="that others may use (%(default)s)",
    )
    add("--base-port", type=int, default=17_600, metavar="P", help="first port (%(default)s)")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    if arguments.pin != ["free"]:
        pinning.require_cpus()
    arguments.output.mkdir(parents=True, exist_ok=True)
    study = Study(
        output=arguments.output.resolve(),
        load_name=arguments.load,
        plan=Plan(arguments.rounds, arguments.duration, arguments.retries, arguments.quiet),
        modes=arguments.pin,
        base_port=arguments.base_port,
        peer_names=arguments.peers,
        workload_names=arguments.workloads,
        command=shlex.join(["python3", "-m", "measure", *sys.argv[1:]]),
    )
    for name, run in STUDIES.items():
        if arguments.study in (name, "all"):
            run(study)
    print(f"results are in {study.output}")


if __name__ == "__main__":
    main()
