"""How long after the acknowledgement of a write beside Keyway an older version was still read."""

import bisect

from .checks import KeyHistory
from .history import BESIDE, NEVER, Read


class Staleness:
    """Of all reads that were stale."""

    def __init__(self):
        self.stale_s: list[float] = []

    def add(self, reads: list[Read], histories: dict[bytes, KeyHistory]) -> None:
        beside = {}
        for key, history in histories.items():
            writes = sorted((write for write in history.known.values() if write.way == BESIDE and not write.is_expiry),
                            key=lambda write: write.version)
            beside[key] = [write.version for write in writes], [write.acknowledged for write in writes]
        for read in reads:
            if isinstance(read.seen, int):
                self._look(read, *beside[read.key])

    def _look(self, read: Read, versions: list[int], times: list[float]) -> None:
        """The first version that the read should have known, and did not."""
        index = bisect.bisect_right(versions, read.seen)
        if index < len(versions) and times[index] < min(read.began, NEVER):
            self.stale_s.append(read.began - times[index])

    def text(self) -> str:
        if not self.stale_s:
            return "no read was stale"
        ordered = sorted(self.stale_s)
        parts = [f"p{part:g} {ordered[min(len(ordered) - 1, int(len(ordered) * part / 100))] * 1000:.1f} ms"
                 for part in (50, 90, 99, 99.9)]
        bounds = (1, 2, 5, 10, 20, 50, 100, 150, NEVER)
        counts, before = [], 0
        for bound in bounds:
            after = bisect.bisect_left(ordered, bound / 1000)
            if after > before:
                counts.append(f"{after - before} below {bound} ms" if bound < NEVER else f"{after - before} above")
            before = after
        return f"{len(ordered)} reads: {', '.join(parts)}, max {ordered[-1] * 1000:.1f} ms; {', '.join(counts)}"
