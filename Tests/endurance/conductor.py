"""The conductor: draws the faults of a chapter from the seed, inflicts them, and keeps when each began and ended.

Each chapter has victims and at least one shard that nothing happens to. Every victim has a thread, so that several fail
at once; what concerns all (the takeover by a second Keyway, the network) has one more. A fault mends what it broke.
"""

import random
import signal
import threading
import time
from dataclasses import dataclass, field

from . import network
from .clients import Clients
from .fleet import SHARD_COUNT, WAIT_S, Fleet
from .wire import Wires

# A pause of the whole machine that is longer than this counts as a fault of everybody.
PAUSE_S = 0.4

KINDS = ["kill"] * 4 + ["stop"] * 3 + ["delay"] * 2 + ["cut"] * 5 + ["dribble"] * 2 + ["silence"] * 2
CORRUPT = "corrupt"


@dataclass
class Window:
    """A time in which requests may fail; `shard` is None when those of every shard may."""

    kind: str
    shard: int | None
    begin: float
    end: float = field(default=float("inf"))


@dataclass
class Plan:
    """What is to happen in a chapter."""

    seed: str
    seconds: float
    victims: list[int]
    corrupted: int | None
    takeover_at: float | None
    outages: list[tuple[float, str]]
    kinds: list[str]

    @classmethod
    def draw(cls, seed: str, seconds: float, network_kinds: list[str], corrupts: bool | None = None) -> "Plan":
        source = random.Random(seed)
        victims = source.sample(range(SHARD_COUNT), source.randint(1, SHARD_COUNT - 1))
        is_corrupted = source.random() < 0.2
        takeover_at = source.uniform(0.2, 0.8) * seconds if source.random() < 0.4 else None
        outages = [(source.uniform(0.1, 0.8) * seconds, source.choice(network_kinds))
                   for _ in range(source.choice([0, 0, 1, 2])) if network_kinds]
        if corrupts is not None:
            is_corrupted = corrupts
        return cls(seed, seconds, victims, victims[0] if is_corrupted else None, takeover_at, outages, KINDS)

    @classmethod
    def murder(cls, seed: str, seconds: float) -> "Plan":
        """A shard that should remember is killed, and nothing else happens."""
        return cls(seed, seconds, [0], None, None, [], ["kill"])


class Conductor:
    """Faults of a run. `windows` has those of the chapter under way, and of the one before."""

    # How long a victim is left alone between two faults.
    gap_s = (0.1, 1.2)

    def __init__(self, fleet: Fleet, wires: Wires, clients: Clients):
        self.fleet, self.wires, self.clients = fleet, wires, clients
        self.windows: list[Window] = []
        self.problems: list[str] = []
        self.over = threading.Event()
        threading.Thread(target=self._watch_the_clock, daemon=True).start()

    def play(self, plan: Plan) -> None:
        """Inflicts all; returns when the time is over and everything is mended."""
        self.windows = [window for window in self.windows if time.monotonic() - window.begin < 60]
        self.over.clear()
        jobs = [threading.Thread(target=self._guarded, args=(self._torment, plan, victim), daemon=True)
                for victim in plan.victims]
        jobs.append(threading.Thread(target=self._guarded, args=(self._upset_all, plan), daemon=True))
        for job in jobs:
            job.start()
        time.sleep(plan.seconds)
        self.over.set()
        for job in jobs:
            job.join()

    def _guarded(self, action, *arguments) -> None:
        try:
            action(*arguments)
        except Exception as problem:  # Whatever it is, the run must not go on as if all had been mended.
            self.problems.append(f"{type(problem).__name__}: {problem}")

    def _torment(self, plan: Plan, victim: int) -> None:
        source = random.Random(f"{plan.seed}/{victim}")
        while not self.over.wait(source.uniform(*self.gap_s)):
            kind = source.choice(plan.kinds)
            if plan.corrupted == victim and source.random() < 0.6:
                kind = CORRUPT
            window = self._begin(kind, victim)
            getattr(self, f"_{kind}")(victim, source, window)
            window.end = time.monotonic()

    def _begin(self, kind: str, shard: int | None) -> Window:
        window = Window(kind, shard, time.monotonic())
        self.windows.append(window)
        return window

    # A method for each kind: it breaks something, waits, and mends it.

    def _kill(self, victim: int, source: random.Random, window: Window) -> None:
        server = self.fleet.servers[victim]
        refuses = source.random() < 0.5
        away_s = source.choice([0, source.uniform(0, 0.3), source.uniform(0, 1.5)])
        if refuses:
            self.wires.refuse(victim)
        death = self._begin("death", victim)
        server.kill()
        death.end = time.monotonic()
        self.over.wait(away_s)
        server.start()
        if refuses:
            self.wires.listen(victim)

    def _stop(self, victim: int, source: random.Random, window: Window) -> None:
        process = self.fleet.servers[victim].process
        process.send_signal(signal.SIGSTOP)
        self.over.wait(source.choice([source.uniform(0, 0.2), source.uniform(0.2, 3)]))
        process.send_signal(signal.SIGCONT)

    def _delay(self, victim: int, source: random.Random, window: Window) -> None:
        self.wires.set(victim, delay_s=source.choice([0.005, 0.1, source.uniform(0.2, 2)]))
        self.over.wait(source.uniform(0.3, 2))
        self.wires.set(victim, delay_s=0.0)

    def _dribble(self, victim: int, source: random.Random, window: Window) -> None:
        self.wires.set(victim, dribbles=True)
        self.over.wait(source.uniform(0.3, 1.5))
        self.wires.set(victim, dribbles=False)

    def _cut(self, victim: int, source: random.Random, window: Window) -> None:
        for _ in range(source.choice([1, 1, 2, 10])):
            self.wires.set(victim, bytes_left=source.choice([0, source.randrange(40), source.randrange(20_000)]))
            self.over.wait(source.uniform(0.01, 0.2))
        self.wires.set(victim, bytes_left=None)

    def _silence(self, victim: int, source: random.Random, window: Window) -> None:
        """Half-open connections: at times until somebody resets them, at times until Keyway gives them up."""
        self.wires.kill_silently(victim)
        if source.random() < 0.6:
            self.over.wait(source.uniform(0.3, 3))
            self.wires.cut_all(victim, is_reset=True)
        end = time.monotonic() + WAIT_S
        while self.wires.dead_count(victim) > 0:
            if time.monotonic() > end:
                raise RuntimeError(f"Keyway has kept a dead connection to shard{victim} for {WAIT_S:g} s")
            time.sleep(0.02)

    def _corrupt(self, victim: int, source: random.Random, window: Window) -> None:
        self.wires.set(victim, corrupted_share=source.choice([0.01, 0.1, 1.0]))
        self.over.wait(source.uniform(0.1, 1))
        self.wires.set(victim, corrupted_share=0.0)
        # A reply that has swallowed others would shift all that come after it.
        self.wires.cut_all(victim, is_reset=False)

    def _upset_all(self, plan: Plan) -> None:
        began = time.monotonic()
        events = list(plan.outages)
        if plan.takeover_at is not None:
            events.append((plan.takeover_at, "takeover"))
        for at, kind in sorted(events):
            self.over.wait(max(0.0, began + at - time.monotonic()))
            window = self._begin(kind, None)
            getattr(self, f"_{kind}")(random.Random(f"{plan.seed}/{kind}/{at}"))
            window.end = time.monotonic()

    def _takeover(self, source: random.Random) -> None:
        """New clients are sent to a second Keyway, then the first is told to end."""
        before = self.fleet.keyway
        self.clients.port.value = self.fleet.start_keyway([wire.port for wire in self.wires.wires], source).port
        before.process.terminate()
        status = before.process.wait(WAIT_S)
        if status != 0:
            self.problems.append(f"keyway ended with status {status} when told to stop: {before.last_words()}")
        self.fleet.keyways.remove(before)

    def _outage(self, source: random.Random) -> None:
        network.set_link(False)
        time.sleep(source.uniform(0.02, 0.8))
        network.set_link(True)

    def _loss(self, source: random.Random) -> None:
        network.lose(source.uniform(1, 20))
        self.over.wait(source.uniform(0.5, 3))
        network.keep()

    def _watch_the_clock(self) -> None:
        before = time.monotonic()
        while True:
            time.sleep(0.02)
            now = time.monotonic()
            if now - before > PAUSE_S:
                self.windows.append(Window("pause of the machine", None, before, now))
            before = now
