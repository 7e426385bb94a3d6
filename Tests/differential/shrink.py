"""The smallest stream that still shows a difference, by delta debugging: parts of it are left out, and the rest is
played again from empty servers."""

import time
from collections.abc import Callable

from .runner import Difference, Runner
from .stream import Batch

Step = tuple[int, list[bytes]]

# Shorter than in the run, so that a reply that never comes is missed often.
REPLAY_TIMEOUT_S = 0.7


def flatten(batches: list[Batch]) -> list[Step]:
    return [(batch.connection, words) for batch in batches for words in batch.commands]


def gather(steps: list[Step]) -> list[Batch]:
    """Batches again: what one connection sends in a row goes out at once."""
    batches: list[Batch] = []
    for connection, words in steps:
        if not batches or batches[-1].connection != connection or len(batches[-1].commands) >= 100:
            batches.append(Batch(connection, []))
        batches[-1].commands.append(words)
    return batches


def reduce(steps: list, shows: Callable[[list], bool], end: float) -> list:
    """Leaves out whatever `shows` does not need, until nothing more goes or the clock passes `end`."""
    size = max(1, len(steps) // 2)
    while time.monotonic() < end:
        # From the end backwards: what stands there has more to do with it.
        start = len(steps) - size
        removed = False
        while time.monotonic() < end:
            start = max(start, 0)
            candidate = steps[:start] + steps[start + size :]
            if candidate and shows(candidate):
                steps = candidate
                removed = True
            if start == 0:
                break
            start -= size
        if size > 1:
            size //= 2
        elif not removed:
            break
    return steps


class Shrinker:
    def __init__(self, runner: Runner, difference: Difference, limit_s: float = 60):
        self.runner = runner
        self.wanted = difference
        self.end = time.monotonic() + limit_s
        self.seen: Difference | None = None

    def shows(self, steps: list[Step]) -> bool:
        """Whether these steps show the same difference."""
        found: list[Difference] = []

        def stops(difference: Difference) -> bool:
            if difference.signature == self.wanted.signature:
                found.append(difference)
                return True
            return not difference.is_harmless

        counts = self.runner.counts.copy()
        self.runner.play(gather(steps), stops)
        self.runner.counts = counts
        if found:
            self.seen = found[0]
        return bool(found)

    def shrink(self, batches: list[Batch]) -> list[Step] | None:
        """The small stream; None when the difference does not come again."""
        timeout_s, self.runner.timeout_s = self.runner.timeout_s, REPLAY_TIMEOUT_S
        try:
            steps = flatten(batches)[: self.wanted.position]
            # Most differences need no past.
            if self.wanted.kind != "contents" and self.shows(steps[-1:]):
                return steps[-1:]
            if not self.shows(steps):
                return None
            return reduce(steps, self.shows, self.end)
        finally:
            self.runner.timeout_s = timeout_s
