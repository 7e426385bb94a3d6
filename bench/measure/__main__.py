"""Command line: `python3 -m measure STUDY`, from the folder bench/. What each study is stands in
its module."""

import argparse
import inspect
from pathlib import Path
from typing import Callable

from . import (
    compare,
    growth,
    hotkeys,
    isolation,
    load,
    memory,
    pacing,
    peers,
    pinning,
    profile,
    programs,
    relay,
)
from .rounds import Plan, say
from .study import Study
from .workloads import BY_NAME

STUDIES = {
    "peers": compare,
    "memory": memory,
    "growth": growth,
    "pacing": pacing,
    "isolation": isolation,
    "hotkeys": hotkeys,
    "profile": profile,
    "relay": relay,
}
# How often and how long each is measured, where the command line says nothing.
ROUNDS = {"peers": 5}
DURATION_S = {"peers": 1.0, "growth": 0.5}
PARTS = [*growth.PARTS, *pacing.PARTS]


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
KEYWAY_BENCH, VALKEY, VALKEY_BENCHMARK, TWEMPROXY, HAPROXY, ENVOY, PREDIXY, PERF and CC
"""


def _epilog() -> str:
    """What each study is, from its module's own words."""
    lines = ["studies:"]
    for name, module in STUDIES.items():
        text = inspect.getdoc(module) or ""
        sentence = " ".join(text.split(": ", 1)[-1].split()).split(". ")[0].rstrip(".")
        lines.append(f"  {name:9} {sentence}")
    lines.append("  all       all of them")
    lines.append("  pages     nothing is measured: the pages are made anew from the rows")
    return "\n".join([*lines, PROGRAMS])


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
    add("study", choices=[*STUDIES, "all", "pages"])
    add("-o", "--output", type=Path, default=Path("results"), help="folder for what is measured")
    add("--publish", action="store_true", help="pages go to bench/published, and into bench/*.md")
    add("--keep", action="store_true", help="rows of earlier runs stay, if not measured again")
    add(
        "--parts",
        type=_names(PARTS),
        default=[],
        metavar="A,B",
        help="of growth: its sweeps; of pacing: its rates; all by default",
    )
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
    add("--rounds", type=int, metavar="N", help="default: 5 for peers, else 3")
    add("--duration", type=float, metavar="S", help="of one measurement (0.5 for growth, else 1)")
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


def _study(arguments: argparse.Namespace, name: str) -> Study:
    rounds = arguments.rounds or ROUNDS.get(name, 3)
    duration_s = arguments.duration or DURATION_S.get(name, 1.0)
    bench = programs.ROOT / "bench"
    pages: Path = bench / "published" if arguments.publish else arguments.output
    pages.mkdir(parents=True, exist_ok=True)
    return Study(
        output=arguments.output.resolve(),
        pages=pages.resolve(),
        load_name=arguments.load,
        plan=Plan(rounds, duration_s, arguments.retries, arguments.quiet),
        modes=arguments.pin,
        base_port=arguments.base_port,
        peer_names=arguments.peers,
        workload_names=arguments.workloads,
        parts=arguments.parts,
        keep=arguments.keep,
        written_pages=bench if arguments.publish else None,
    )


def main() -> None:
    arguments = _arguments()
    if arguments.pin != ["free"]:
        pinning.require_cpus()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, module in STUDIES.items():
        if arguments.study == "pages":
            module.publish(_study(arguments, name))
        elif arguments.study in (name, "all"):
            module.run(_study(arguments, name))
    say(f"results are in {arguments.output.resolve()}")


if __name__ == "__main__":
    main()
