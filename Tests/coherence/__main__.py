"""Command line: `python3 -m coherence`, from the folder Tests/."""

import argparse
import random
import sys
import time
from collections import defaultdict

from differential.fleet import NotThere, keyway_program, server_program
from endurance.clients import Stuck
from endurance.fleet import WAIT_S
from endurance.options import add_run_options
from endurance.replies import error_text
from endurance.wire import Wires

from . import report
from .checks import Findings, Judge, KeyHistory
from .conductor import Conductor
from .crew import Crew, Harvest
from .fleet import LEASE_MS, SHARD_COUNT, Fleet, Keyway
from .history import Write
from .plan import MODES, draw_chapter, draw_faults

# Connections come to all workers of Keyway, if there are enough of them.
PROBE_COUNT = 8


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 -m coherence", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Clients read hot keys, which Keyway answers from copies, while others write them through Keyway "
                    "and beside it, and while servers, connections and Keyway are made to fail.",
        epilog="Ends with 0 when no read was older than its time allows, 1 when one was or when too few were answered "
               "from copies, 2 when a program is missing.")
    add_run_options(parser, 10, "of a chapter")
    parser.add_argument("--mode", choices=MODES, default=MODES[0],
                        help="where copies are: in Keyway's memory or on several servers (default: %(default)s)")
    parser.add_argument("--keyways", type=int, choices=[1, 2], help="how many; without it, drawn from the seed")
    parser.add_argument("--slack-ms", type=float, default=50,
                        help=f"for a busy machine, beside the lease of {LEASE_MS} ms (default: %(default)s)")
    return parser.parse_args()


class Run:
    """Chapters until the time is over or something is wrong."""

    def __init__(self, options: argparse.Namespace, fleet: Fleet):
        self.options, self.fleet = options, fleet
        self.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
        self.wires = Wires([server.path for server in fleet.servers], str(self.seed))
        source = random.Random(f"{self.seed}/first")
        for _ in range(options.keyways or source.choice([1, 2])):
            fleet.start_keyway([wire.port for wire in self.wires.wires], source)
        self.crew = Crew()
        self.conductor = Conductor(fleet, self.wires, None)
        self.report = report.Report(options.mode)
        # Those of all chapters, by key: what is read in one may be older.
        self.writes: dict[bytes, list[Write]] = defaultdict(list)

    def run(self) -> int:
        print(f"seed {self.seed}, {self.options.mode}, {len(self.fleet.keyways)} Keyways", flush=True)
        began = time.monotonic()
        number = self.options.chapter or 0
        self._heal()
        while self.report.is_good():
            self._chapter(number)
            number += 1
            if self.options.chapter is not None:
                break
            if time.monotonic() - began + self.options.chapter_seconds > self.options.seconds:
                break
        if self.report.is_good() and self.report.hits_percent < self.report.hits_percent_min:
            self.report.problems.append(f"below {self.report.hits_percent_min} % from copies, this proves nothing")
        print(self.report.text(time.monotonic() - began))
        print("all right" if self.report.is_good() else "something is wrong")
        return 0 if self.report.is_good() else 1

    def _chapter(self, number: int) -> None:
        """Faults and requests, then peace, then the judgement."""
        seed = f"{self.seed}/{number}"
        chapter = draw_chapter(seed, number, self.options.mode, [keyway.port for keyway in self.fleet.keyways],
                               [server.path for server in self.fleet.servers], self.fleet.keyway.place)
        began = time.monotonic()
        self.conductor.skew_all(chapter.skew_s)
        self.crew.begin(chapter)
        self.conductor.play(draw_faults(seed, self.options.mode, self.options.chapter_seconds, SHARD_COUNT))
        harvest = self.crew.end()
        findings = self._judge(harvest)
        kinds = [window.kind for window in self.conductor.windows if window.begin >= began and window.kind != "death"]
        self.report.add(harvest, kinds, findings)
        if findings.texts:
            print(report.describe(findings, self.seed, number), flush=True)
        self._heal()
        self._look_at_keyways()

    def _judge(self, harvest: Harvest) -> Findings:
        for write in harvest.writes:
            self.writes[write.key].append(write)
        keys = {read.key for read in harvest.reads}
        histories = {key: KeyHistory(key, self.writes[key]) for key in keys}
        pauses = self.conductor.take_pauses()
        judge, findings = Judge(LEASE_MS / 1000, self.options.slack_ms / 1000, pauses), Findings()
        judge.judge(harvest.reads, harvest.writes, histories, findings)
        self.report.staleness.add(harvest.reads, histories)
        self.report.excused_count += judge.excused_count
        self.report.paused_s += sum(end - begin for begin, end in pauses)
        return findings

    def _heal(self) -> None:
        """Waits until every shard answers through every worker."""
        place = self.fleet.keyway.place([b"p%d" % index for index in range(100)])
        probes = list({shard: key for key, shard in place.items()}.values())
        for keyway in self.fleet.keyways:
            for probe in probes * PROBE_COUNT:
                end = time.monotonic() + WAIT_S
                while (error := self._try(keyway, probe)) is not None:
                    if time.monotonic() > end:
                        self.report.problems.append(f"{WAIT_S:g} s after all faults, there is still: {error}")
                        return
                    time.sleep(0.05)

    def _try(self, keyway, probe: bytes) -> str | None:
        try:
            return error_text(self.fleet.ask(keyway, b"GET", probe))
        except (OSError, Stuck) as problem:
            return str(problem)

    def _look_at_keyways(self) -> None:
        self.report.problems += self.conductor.problems
        self.conductor.problems = []
        for keyway in self.fleet.keyways:
            if keyway.process.poll() is not None:
                self.report.problems.append(f"keyway ended: {keyway.last_words()}")
                return
        self.report.metrics = self.fleet.metrics()


def main() -> int:
    options = _arguments()
    Keyway.mode = options.mode
    try:
        fleet = Fleet(server_program(options.server), options.keyway or keyway_program(), True)
    except NotThere as problem:
        print(f"coherence: {problem}", file=sys.stderr)
        return 2
    try:
        return Run(options, fleet).run()
    finally:
        fleet.close()


if __name__ == "__main__":
    sys.exit(main())
