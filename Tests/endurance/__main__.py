"""Command line: `python3 -m endurance`, from the folder Tests/."""

import argparse
import random
import sys
import time

from differential.fleet import NotThere, keyway_program, server_program

from . import checks, network, report
from .clients import Chapter, Clients, Stuck
from .conductor import Conductor, Plan
from .fleet import MEMORY_BESIDE_MB, MEMORY_LIMIT_MB, SHARD_COUNT, WAIT_S, Fleet
from .history import Outcome, Request, read
from .options import add_run_options
from .replies import error_text
from .wire import Wires

REGISTER_COUNT = 36
COUNTER_COUNT = 12
# Connections come to all workers of Keyway, if there are enough of them.
PROBE_COUNT = 8


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 -m endurance", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Clients work through Keyway while its servers, their connections and itself are made to fail.",
        epilog="Ends with 0 when every reply was right and no acknowledged write was lost, 1 when not, 2 when a "
               "program is missing.")
    add_run_options(parser, 6, "of faults")
    parser.add_argument("--network", action="store_true", help="in a network of its own, with faults; needs root")
    parser.add_argument("--corrupt", choices=["never", "always"],
                        help="whether bytes of a shard are replaced by others; without it, now and then")
    parser.add_argument("--forgetful", action="store_true",
                        help="a server that keeps no log is killed, and judged as if it kept one: that must be found")
    return parser.parse_args()


class Run:
    """Chapters until the time is over or something is wrong."""

    def __init__(self, options: argparse.Namespace, fleet: Fleet, network_kinds: list[str]):
        self.options, self.fleet, self.network_kinds = options, fleet, network_kinds
        self.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
        self.wires = Wires([server.path for server in fleet.servers], str(self.seed))
        ports = [wire.port for wire in self.wires.wires]
        self.clients = Clients(fleet.start_keyway(ports, random.Random(f"{self.seed}/first")).port)
        self.conductor = Conductor(fleet, self.wires, self.clients)
        self.report = report.Report()

    def run(self) -> int:
        print(f"seed {self.seed}", flush=True)
        began = time.monotonic()
        number = self.options.chapter or 0
        self._heal([], {})
        self._look_at_keyway()
        while self.report.is_good():
            self._chapter(number)
            number += 1
            if self.options.chapter is not None:
                break
            if time.monotonic() - began + self.options.chapter_seconds > self.options.seconds:
                break
        print(self.report.text(time.monotonic() - began))
        print("all right" if self.report.is_good() else "something is wrong")
        return 0 if self.report.is_good() else 1

    def _chapter(self, number: int) -> None:
        """Faults and requests, then peace, then the judgement."""
        seed = f"{self.seed}/{number}"
        registers = [b"r%d.%d" % (number, index) for index in range(REGISTER_COUNT)]
        counters = [b"c%d.%d" % (number, index) for index in range(COUNTER_COUNT)]
        shard_of = self.fleet.keyway.place(registers + counters)
        corrupts = None if self.options.corrupt is None else self.options.corrupt == "always"
        plan = Plan.draw(seed, self.options.chapter_seconds, self.network_kinds, corrupts)
        if self.options.forgetful:
            plan = Plan.murder(seed, self.options.chapter_seconds)
        began = time.monotonic()
        self.clients.begin(Chapter(seed, registers, counters))
        self.conductor.play(plan)
        history = self.clients.end()
        last_reads = self._heal(registers + counters, shard_of)
        windows = self.conductor.windows
        findings = self._judge(plan, history, last_reads, shard_of, registers, counters)
        kinds = [window.kind for window in windows if window.begin >= began and window.kind != "death"]
        self.report.add(history, kinds, findings)
        if findings.all():
            print(report.describe(findings, self.seed, number), flush=True)
        self._look_at_keyway()
        if self.report.is_good():
            for server in self.fleet.servers:
                server.forget()

    def _judge(self, plan: Plan, history: list[Request], last_reads: list[Request], shard_of: dict, registers: list,
               counters: list) -> checks.Findings:
        findings = checks.Findings()
        deaths = [[window for window in self.conductor.windows if window.kind == "death" and window.shard == shard
                   and self.fleet.servers[shard].is_cache] for shard in range(SHARD_COUNT)]
        sound = [key for key in registers if shard_of[key] != plan.corrupted]
        deaths_of = {key: deaths[shard_of[key]] for key in sound}
        checks.check_registers(history, last_reads, deaths_of, findings)
        checks.check_own_order(history, set(sound), findings)
        finals = {request.keys[0]: request.values[0] for request in last_reads
                  if request.keys[0] in counters and shard_of[request.keys[0]] != plan.corrupted}
        forgetful = {key for key in finals if self.fleet.servers[shard_of[key]].is_cache}
        checks.check_counters(history, finals, forgetful, findings)
        checks.check_errors(history, self.conductor.windows, shard_of, findings)
        return findings

    def _heal(self, keys: list[bytes], shard_of: dict[bytes, int]) -> list[Request]:
        """Waits until every shard answers through every worker; then reads all keys, through Keyway and beside it."""
        probes = self._probes()
        for _ in range(PROBE_COUNT):
            for probe in probes:
                self._patiently(b"GET", probe)
                if self.report.problems:
                    return []
        reads = []
        for key in keys:
            for answer in (lambda: self._patiently(b"GET", key),
                           lambda: self.fleet.servers[shard_of[key]].ask(b"GET", key)):
                began = time.monotonic()
                found = answer()
                found = None if found == ("$",) else found
                value = int(found or 0) if key.startswith(b"c") else read(found)
                reads.append(Request(-1, 0, 0, "GET", (key,), (value,), began, time.monotonic(), Outcome.DONE))
        return reads

    def _probes(self) -> list[bytes]:
        """A key for each shard."""
        found = {shard: key for key, shard in self.fleet.keyway.place([b"p%d" % index for index in range(200)]).items()}
        return [found[shard] for shard in range(SHARD_COUNT)]

    def _patiently(self, *words: bytes) -> object:
        """Asks until there is an answer: after its faults, Keyway must be well again by itself."""
        end = time.monotonic() + WAIT_S
        while True:
            try:
                reply: object = self.fleet.ask_keyway(*words)
            except (OSError, Stuck) as problem:
                reply = ("-", str(problem).encode())
            if (error := error_text(reply)) is None:
                return reply
            if time.monotonic() > end:
                self.report.problems.append(f"{WAIT_S:g} s after all faults, {words} is still answered: {error}")
                return None
            time.sleep(0.05)

    def _look_at_keyway(self) -> None:
        keyway = self.fleet.keyway
        self.report.problems += self.conductor.problems
        self.conductor.problems = []
        if keyway.process.poll() is not None:
            self.report.problems.append(f"keyway ended: {keyway.last_words()}")
            return
        self.report.peak_bytes = max(self.report.peak_bytes, keyway.peak_bytes())
        if keyway.peak_bytes() >> 20 > MEMORY_LIMIT_MB + MEMORY_BESIDE_MB:
            self.report.problems.append(f"keyway had {keyway.peak_bytes() >> 20} MB resident")
        self._look_at_rest()

    def _look_at_rest(self) -> None:
        """Nobody asks: Keyway has its shared connections to the servers, and no more."""
        keyway = self.fleet.keyway
        end = time.monotonic() + WAIT_S
        while (count := self.wires.link_count()) != keyway.line_count:
            if time.monotonic() > end:
                self.report.problems.append(f"keyway has {count} connections to servers, not {keyway.line_count}")
                return
            time.sleep(0.05)
        keyway.count_descriptors()
        first, last = self.report.descriptors_at_start, self.report.descriptors_at_end = keyway.rest_counts
        if last > first:
            self.report.problems.append(f"keyway has {last} descriptors without clients, {first} at its first rest")


def main() -> int:
    options = _arguments()
    kinds, lack = network.enter() if options.network else ([], "")
    if lack:
        print(lack)
    try:
        fleet = Fleet(server_program(options.server), options.keyway or keyway_program(), not options.forgetful)
    except NotThere as problem:
        print(f"endurance: {problem}", file=sys.stderr)
        return 2
    try:
        return Run(options, fleet, kinds).run()
    finally:
        fleet.close()


if __name__ == "__main__":
    sys.exit(main())
