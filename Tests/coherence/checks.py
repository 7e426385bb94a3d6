"""What must be true of every read, whatever failed. A read is held against the newest version that its time demands:

- its client has seen or written it before, in the order of its replies;
- it was written through the same Keyway, and acknowledged before the read began;
- it was written anywhere, and acknowledged longer ago than the lease and some slack for a busy machine; the pauses of
  the machine in that time come on top. The end of a key's own life is known to every copy: there, the slack alone
  counts.

Nor may a read see what its client has asked for only behind it.

A key that is not there has as many versions as it had ends: what fits best is what was seen. A write whose outcome is
unknown may have happened at any time until it is given up, so such versions prove nothing and demand nothing.
"""

import bisect
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from .history import ABSENT, NEVER, Read, Write

# So long after it was asked for, what is not acknowledged has happened or never will: connections that are late, and
# servers that stand still.
LATE_S = 6.0
# Of each rule.
_KEPT_COUNT = 4


@dataclass
class Findings:
    """What is wrong, by rule, in words."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    texts: list[str] = field(default_factory=list)

    def add(self, rule: str, text: str) -> None:
        self.counts[rule] += 1
        if self.counts[rule] <= _KEPT_COUNT:
            self.texts.append(f"{rule}: {text}")


class Floor:
    """The newest of some versions that was acknowledged before a time."""

    def __init__(self, writes: Iterable[Write]):
        self.times, self.versions = [], []
        newest = ABSENT
        for write in sorted(writes, key=lambda write: write.acknowledged):
            if write.acknowledged < NEVER and write.version > newest:
                newest = write.version
                self.times.append(write.acknowledged)
                self.versions.append(newest)

    def at(self, time: float) -> int:
        index = bisect.bisect_left(self.times, time)
        return self.versions[index - 1] if index else ABSENT


class KeyHistory:
    """All writes of one key."""

    def __init__(self, key: bytes, writes: list[Write]):
        self.is_counter = key.startswith(b"c")
        known = [write for write in writes if write.acknowledged < NEVER]
        self.known = {write.version: write for write in known}
        self.unknown = {write.version: write for write in writes if write.acknowledged == NEVER}
        self.unknown_ends = [write for write in self.unknown.values() if write.is_end]
        self.ends = sorted([ABSENT, *(write.version for write in known if write.is_end)])
        self.everywhere = Floor(write for write in known if not write.is_expiry)
        self.expiries = Floor(write for write in known if write.is_expiry)
        ways = {write.way for write in known if not write.is_expiry}
        self.through = {way: Floor(write for write in known if write.way == way and not write.is_expiry)
                        for way in ways}
        # Of a counter's attempts the order is unknown, but not their number.
        self.attempts = sorted(write.began for write in writes)
        self.begun = sorted(known, key=lambda write: write.began)
        self.begun_at = [write.began for write in self.begun]

    def may_be_late(self, write: Write, read: Read, bound_s: float) -> bool:
        """The outcome is unknown, and nothing has certainly come over it."""
        index = bisect.bisect_left(self.begun_at, write.began + LATE_S)
        covers = index < len(self.begun) and self.begun[index].acknowledged + bound_s < read.began
        return write.began <= read.ended and not covers


class Judge:
    """`pauses` are times in which somebody stood still."""

    def __init__(self, lease_s: float, slack_s: float, pauses: list[tuple[float, float]]):
        self.lease_s, self.slack_s = lease_s, slack_s
        self.pauses = sorted(pauses)
        self.excused_count = 0

    def judge(
        self, reads: list[Read], writes: list[Write], histories: dict[bytes, KeyHistory], findings: Findings
    ) -> None:
        """`writes` are those of the clients that have read."""
        events = defaultdict(list)
        for event in [*writes, *reads]:
            events[event.client].append(event)
        for own in events.values():
            own.sort(key=lambda event: event.position)
            self._judge_client(own, histories, findings)

    def _judge_client(self, events: list[Read | Write], histories: dict, findings: Findings) -> None:
        seen: dict[bytes, int] = defaultdict(int)
        written: dict[bytes, int] = defaultdict(int)
        for event in events:
            if isinstance(event, Read):
                self._judge_read(event, histories[event.key], seen, written, findings)
            elif event.acknowledged < NEVER and not event.is_expiry:
                written[event.key] = max(written[event.key], event.version)

    def _judge_read(self, read: Read, history: KeyHistory, seen: dict, written: dict, findings: Findings) -> None:
        if isinstance(read.seen, str):
            return findings.add("never written", f"{read.seen}: {read}")
        demands = {
            "went back": seen[read.key],
            "not its own write": written[read.key],
            "older than what was written through the same Keyway":
                history.through[read.way].at(read.began) if read.way in history.through else ABSENT,
            "staler than the lease": self._demanded(read, history),
        }
        version = self._version(read, history, max(demands.values()))
        if version is None:
            self.excused_count += 1
        elif (problem := self._problem(read, history, version)) is not None:
            findings.add(problem[0], f"{problem[1]}: {read}")
        else:
            for rule, demand in demands.items():
                if version < demand:
                    findings.add(rule, self._describe(read, history, version, demand))
            seen[read.key] = max(seen[read.key], version)

    def _demanded(self, read: Read, history: KeyHistory) -> int:
        paused_s = self._paused_s(read)
        return max(history.everywhere.at(read.began - self.lease_s - self.slack_s - paused_s),
                   history.expiries.at(read.began - self.slack_s - paused_s))

    def _paused_s(self, read: Read) -> float:
        """In the time of the read and of a lease before it."""
        begin = read.began - self.lease_s - self.slack_s
        index = max(0, bisect.bisect_left(self.pauses, (begin - 1, 0)))
        paused_s = 0.0
        while index < len(self.pauses) and self.pauses[index][0] <= read.ended:
            if self.pauses[index][1] >= begin:
                paused_s += self.pauses[index][1] - self.pauses[index][0]
            index += 1
        return paused_s

    def _version(self, read: Read, history: KeyHistory, demand: int) -> int | None:
        """What was seen, in the best case; None where nobody can tell."""
        bound_s = self.lease_s + self.slack_s + self._paused_s(read)
        if read.seen is not None:
            late = history.unknown.get(read.seen) if read.seen != ABSENT else None
            if late is not None and not history.is_counter:
                return None if history.may_be_late(late, read, bound_s) else late.version
            return read.seen
        index = bisect.bisect_left(history.ends, demand)
        own = None
        for found in history.ends[index:]:
            # Any other cause is likelier than one that its client asked for later.
            if self._own_future(read, history, found) is not None:
                own = found if own is None else own
                continue
            if found == ABSENT or history.known[found].began <= read.ended:
                return found
            # The end of a life may never have come, because others were before it.
            if not history.known[found].is_expiry:
                break
        if any(history.may_be_late(end, read, bound_s) for end in history.unknown_ends):
            return None
        if own is not None:
            return own
        return history.ends[index - 1] if index else ABSENT

    def _problem(self, read: Read, history: KeyHistory, version: int) -> tuple[str, str] | None:
        if history.is_counter:
            count = bisect.bisect_right(history.attempts, read.ended)
            if version > count:
                return "never written", f"{count} were asked for at most"
            return self._own_future(read, history, version)
        if version == ABSENT:
            return None
        write = history.known.get(version) or history.unknown.get(version)
        if write is None:
            return "never written", "nobody wrote that"
        if write.began > read.ended:
            return "never written", f"it was written later, {write}"
        return self._own_future(read, history, version)

    def _own_future(self, read: Read, history: KeyHistory, version: int) -> tuple[str, str] | None:
        write = history.known.get(version)
        if write is not None and write.client == read.client and write.position > read.position:
            return "before its own write", f"{write}"
        return None

    def _describe(self, read: Read, history: KeyHistory, version: int, demand: int) -> str:
        newer = history.known.get(demand)
        late = f", {(read.began - newer.acknowledged) * 1000:.1f} ms after its acknowledgement" if newer else ""
        return f"{version} where {demand} is due{late}: {read}; {newer}"
