"""Readers: threads that ask for hot keys, one at a time and many in one piece, each by one Keyway."""

import random
import threading

from .history import ClientNumbers, Read
from .kinds import draw_read, kind_of
from .plan import Chapter
from .steps import Client

THREAD_COUNT = 3
_BATCH_MAX = 12


class Reader(threading.Thread):
    def __init__(self, chapter: Chapter, index: int, numbers: ClientNumbers, stop: threading.Event):
        super().__init__(daemon=True)
        self.chapter, self.numbers, self.stop = chapter, numbers, stop
        self.random = random.Random(f"{chapter.seed}/reader/{index}")
        self.way = index % len(chapter.ports)
        self.speaks_three = self.random.random() < 0.5
        self.client: Client | None = None
        self.reads: list[Read] = []
        self.error_count = 0

    def run(self) -> None:
        while not self.stop.is_set():
            if self.client is None or self.client.is_broken:
                try:
                    self.client = Client(self.way, self.chapter.ports[self.way], self.numbers, self.speaks_three)
                except OSError:
                    self.stop.wait(0.01)
                    continue
            self._batch()
            self.stop.wait(self.random.random() * 0.004)
        if self.client is not None:
            self.client.close()

    def _batch(self) -> None:
        count = 1 if self.random.random() < 0.4 else self.random.randint(2, _BATCH_MAX)
        keys = self.chapter.keys if self.random.random() < 0.5 else [self.random.choice(self.chapter.keys)]
        # What goes to the server sends all behind it there as well, so most batches have none of that.
        is_pure = self.random.random() < 0.8
        steps = [self._draw(self.random.choice(keys), is_pure) for _ in range(count)]
        for answer in self.client.ask(steps):
            if answer.error:
                self.error_count += 1
            else:
                self.reads.append(self.client.read(answer))

    def _draw(self, key: bytes, is_pure: bool):
        return self.random.choice(kind_of(key).reads(key)[:2]) if is_pure else draw_read(key, self.random)
