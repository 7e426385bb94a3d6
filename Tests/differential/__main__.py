"""Command line: `python3 -m differential`, from the folder Tests/."""

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from . import channels, report, rules, waiting
from .fleet import Fleet, NotThere, keyway_program, server_program
from .resp import Connection
from .runner import Difference, Runner
from .shrink import Shrinker, reduce
from .stream import Stream
from .verdicts import Verdicts

CHAPTER_COUNT = 2_000
# After how many chapters a round of pub/sub and of waiting comes.
SCENES_EVERY = 5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 -m differential", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Sends random commands to Keyway over four shards and to one server; replies must be equal.",
        epilog="Ends with 0 when all were, 1 at a difference (with a short reproduction), 2 when a program is missing.")
    parser.add_argument("--commands", type=int, default=20_000, help="how many commands (default: %(default)s)")
    parser.add_argument("--seconds", type=float, help="end after so many seconds, whatever --commands says")
    parser.add_argument("--seed", type=int, help="repeats a run; without it, a new one that is printed")
    parser.add_argument("--chapter", type=int, help="plays this one chapter of the seed alone")
    parser.add_argument("--server", default="9.1", help="9.1, 8, or the path of a server (default: %(default)s)")
    parser.add_argument("--keyway", help="the program; else KEYWAY_BINARY, else the newest of .build")
    parser.add_argument("--workers", type=int, default=2, help="of Keyway (default: %(default)s)")
    parser.add_argument("--pool", action="append", default=[], metavar="LINE",
                        help="one more line of the pool's config")
    parser.add_argument("--mirror", action="store_true",
                        help="a second server in place of Keyway: what differs then is a fault of this judge")
    parser.add_argument("--only", help="commands or groups, with commas: draw no others")
    parser.add_argument("--survey", metavar="FILE", help="go on after differences, and list all of them in FILE")
    return parser.parse_args()


@dataclass
class Scene:
    """What several connections do with each other; `command` stands in not_yet.csv until Keyway does it."""

    name: str
    command: str
    steps_of: Callable[[str], list]
    difference: Callable[[list], tuple | None]


def scenes_of(fleet: Fleet) -> list[Scene]:
    ours, theirs = fleet.keyway_path, fleet.server_path
    return [
        Scene("pub/sub", "subscribe", channels.steps_of, lambda steps: channels.difference(ours, theirs, steps)),
        Scene("waiting", "blpop", waiting.steps_of,
              lambda steps: waiting.difference(ours, fleet.shard_paths, theirs, steps)),
    ]


class Session:
    """One run of the judge: chapters until the count, the time, or a difference ends it."""

    def __init__(self, options: argparse.Namespace, fleet: Fleet):
        self.options = options
        self.scenes = scenes_of(fleet)
        self.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
        server = Connection(fleet.server_path)
        self.version = report.version_of(server)
        only = set(options.only.split(",")) if options.only else None
        left_out = rules.EXCLUDED.keys() | (rules.REFUSED if options.mirror else set())
        self.stream = Stream(server, self.seed, left_out, only)
        self.verdicts = Verdicts(self.version, options.mirror)
        self.runner = Runner(fleet, self.stream.grammar, self.verdicts)
        self.survey = report.Survey(self.version, self.seed) if options.survey else None
        self.found: Difference | None = None

    def run(self) -> int:
        print(f"Valkey {self.version}, seed {self.seed}", flush=True)
        began = time.monotonic()
        number = self.options.chapter or 0
        while self.found is None:
            self._chapter(number)
            if number % SCENES_EVERY == 0:
                self._scenes(number)
            number += 1
            if self.options.chapter is not None or self.runner.counts["commands"] >= self.options.commands:
                break
            if self.options.seconds and time.monotonic() - began >= self.options.seconds:
                break
        seconds = time.monotonic() - began
        if self.survey is not None:
            self.survey.write(self.options.survey, self.runner.counts, seconds)
        elif self.found is not None:
            return 1
        outdated = [] if self.options.mirror or self.options.only else self._outdated()
        for command in outdated:
            print(f"not_yet.csv: {command} works now; take its row out")
        counts = self.runner.counts
        words = ", ".join(f"{counts[name]} {name}" for name in ("across shards", "refused", "not yet", "accepted"))
        total = counts["commands"]
        print(f"{total} commands in {seconds:.1f} s ({total / seconds:.0f}/s); of these {words}")
        if self.survey is not None:
            print("the differences are in " + self.options.survey)
        else:
            print("not_yet.csv is out of date" if outdated else "all right")
        return 1 if outdated else 0

    def _outdated(self) -> list[str]:
        """Rows of not_yet.csv whose features are there."""
        found = self.verdicts.outdated(self.stream.drawn)
        for scene in self.scenes:
            if self.verdicts.is_listed(scene.command) and scene.difference(scene.steps_of(str(self.seed))) is None:
                found.append(scene.command)
        return found

    def _chapter(self, number: int) -> None:
        batches = self.stream.chapter(number, CHAPTER_COUNT)
        new: list[Difference] = []

        def stops(difference: Difference) -> bool:
            if self.survey is not None and not self.survey.is_new(difference):
                return not difference.is_harmless
            new.append(difference)
            return self.survey is None or not difference.is_harmless

        self.runner.play(batches, stops)
        for difference in new:
            shrinker = Shrinker(self.runner, difference, 15 if self.survey else 60)
            steps = shrinker.shrink(batches)
            text = report.describe(shrinker.seen or difference, steps, batches, self.seed, number)
            if self.survey is None:
                print(text)
                self.found = difference
            else:
                self.survey.add(difference, text)
                self._leave_out_if_hopeless(difference)

    def _scenes(self, number: int) -> None:
        """Pub/sub and waiting, now and then."""
        for scene in self.scenes:
            if self.found is not None or self.options.only or self.verdicts.is_listed(scene.command):
                continue
            steps = scene.steps_of(f"{self.seed}/{number}/{scene.name}")
            found = scene.difference(steps)
            if found is None:
                continue
            steps = reduce(steps, lambda some: scene.difference(some) is not None, time.monotonic() + 30)
            note, ours, theirs = scene.difference(steps) or found
            difference = Difference(scene.name, note, [], ours, theirs)
            text = report.describe(difference, steps, [], self.seed, number)
            if self.survey is None:
                print(text)
                self.found = difference
            elif self.survey.is_new(difference):
                self.survey.add(difference, text)

    def _leave_out_if_hopeless(self, difference: Difference) -> None:
        """A survey goes on without a command that spoils the data of every chapter."""
        if not difference.is_harmless and self.survey.is_frequent(difference):
            self.stream.left_out.add(difference.name)
            self.stream.weigh()


def main() -> int:
    options = _arguments()
    try:
        keyway = None if options.mirror else options.keyway or keyway_program()
        fleet = Fleet(server_program(options.server), keyway, options.workers, options.pool)
    except NotThere as problem:
        print(f"differential: {problem}", file=sys.stderr)
        return 2
    try:
        return Session(options, fleet).run()
    finally:
        fleet.close()


if __name__ == "__main__":
    sys.exit(main())
