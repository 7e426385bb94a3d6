"""The conductor of `endurance`, with the faults that copies of hot keys have to fear: connections that fall behind each
other, the end of those on which servers tell of changes, and a Keyway that is frozen.
"""

import random
import signal
import time

from endurance import conductor as endurance
from endurance.conductor import Window

# A pause of the machine that is longer than this counts: who was not running could not keep time.
PAUSE_S = 0.02


class Conductor(endurance.Conductor):
    """`pauses` has the times in which the machine, or Keyway, stood still."""

    gap_s = (0.2, 1.5)

    def __init__(self, *arguments):
        self.pauses: list[tuple[float, float]] = []
        # Between faults of that kind, too.
        self.skew_s = 0.0
        super().__init__(*arguments)

    def skew_all(self, skew_s: float) -> None:
        """From now on."""
        self.skew_s = skew_s
        for index in range(self.fleet.shard_count):
            self.wires.set(index, skew_s=skew_s)

    def take_pauses(self) -> list[tuple[float, float]]:
        """Those since the last time."""
        taken, self.pauses = self.pauses, []
        return taken

    def _skew(self, victim: int, source: random.Random, window: Window) -> None:
        """Each connection is late by its own time."""
        self.wires.set(victim, skew_s=source.choice([0.01, 0.05, 0.2, 0.6]))
        self.over.wait(source.uniform(0.3, 2))
        self.wires.set(victim, skew_s=self.skew_s)

    def _silence(self, victim: int, source: random.Random, window: Window) -> None:
        """Half-open connections, until somebody resets them. When Keyway gives them up is for `endurance` to say."""
        self.wires.kill_silently(victim)
        self.over.wait(source.choice([source.uniform(0.1, 1), source.uniform(1, 6)]))
        self.wires.cut_all(victim, is_reset=True)

    def _untrack(self, victim: int, source: random.Random, window: Window) -> None:
        server = self.fleet.servers[victim]
        for _ in range(source.randint(2, 8)):
            for line in server.ask("CLIENT", "LIST").decode().splitlines():
                words = dict(word.partition("=")[::2] for word in line.split())
                if "t" in words["flags"]:
                    server.ask("CLIENT", "KILL", "ID", words["id"])
            self.over.wait(source.uniform(0, 0.3))

    def _evict(self, victim: int, source: random.Random, window: Window) -> None:
        """Copies of hot keys are gone, and nobody says so."""
        server = self.fleet.servers[victim]
        for _ in range(source.randint(2, 8)):
            copies = [name for name in server.ask("KEYS", "__keyway:*") if source.random() < 0.5]
            if copies:
                server.ask("DEL", *copies)
            self.over.wait(source.uniform(0, 0.3))

    def _freeze(self, victim: int, source: random.Random, window: Window) -> None:
        process = source.choice(self.fleet.keyways).process
        began = time.monotonic()
        process.send_signal(signal.SIGSTOP)
        self.over.wait(source.uniform(0.02, 0.6))
        process.send_signal(signal.SIGCONT)
        self.pauses.append((began, time.monotonic()))

    def _watch_the_clock(self) -> None:
        before = time.monotonic()
        while True:
            time.sleep(0.005)
            now = time.monotonic()
            if now - before > PAUSE_S:
                self.pauses.append((before, now))
            before = now
