"""What must be true of a chapter's history, whatever failed.

Registers: with values that are written once, a history is linearizable exactly when no two of its zones contradict each
other (Gibbons and Korach, Testing Shared Memories, 1997). The zone of a value is from the first completion to the last
beginning among its write and its reads. Where the first is before the second, the register certainly had that value in
between, so two such zones must not overlap; else the value was there for a moment within the zone, which must not lie
inside of the zone of another value. A write of which nobody knows the outcome counts once it is read, and must have
happened by then.

Not here: what a reply must look like (`history`).
"""

import bisect
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from .conductor import CORRUPT, Window
from .history import REFUSALS, Outcome, Request

# How long after a fault its shard may still refuse requests: the longest time of an open breaker, its trickle, a
# request's own limit, and a busy machine.
GRACE_S = 5.0
_NEVER = float("inf")


@dataclass
class Findings:
    """What is wrong, in words."""

    wrong_replies: list[str] = field(default_factory=list)
    lost_writes: list[str] = field(default_factory=list)
    stray_errors: list[str] = field(default_factory=list)

    def all(self) -> list[str]:
        return self.wrong_replies + self.lost_writes + self.stray_errors


@dataclass
class Zone:
    """A value of a register: the write that made it, and all that is known of when it was there."""

    value: object
    began: float
    first_end: float
    last_begin: float

    def see(self, request: Request) -> None:
        self.first_end = min(self.first_end, request.completed)
        self.last_begin = max(self.last_begin, request.invoked)

    @property
    def is_forward(self) -> bool:
        return self.first_end < self.last_begin


class Register:
    """The history of one key."""

    def __init__(self, key: bytes, deaths: list[Window]):
        self.key = key
        # A cache that ends writes nil to all its keys at that moment.
        self.deaths = deaths
        self.zones: dict[object, Zone] = {("nil", 0): Zone(("nil", 0), -_NEVER, -_NEVER, -_NEVER)}
        for number, death in enumerate(deaths, 1):
            self.zones["nil", number] = Zone(("nil", number), death.begin, death.end, death.begin)
        self.unknown: dict[object, Request] = {}
        self.refused: set = set()
        self.reads: list[tuple[object, Request]] = []

    def write(self, value: object, request: Request) -> None:
        if request.outcome is Outcome.DONE:
            self.zones[value] = Zone(value, request.invoked, request.completed, request.invoked)
        elif request.outcome is Outcome.NOTHING:
            self.refused.add(value)
        else:
            self.unknown[value] = request

    def read(self, value: object, request: Request) -> None:
        if value is None:
            if any(death.begin <= request.completed and request.invoked <= death.end for death in self.deaths):
                # Before or after, nobody can tell.
                return
            value = ("nil", sum(death.end < request.invoked for death in self.deaths))
        self.reads.append((value, request))

    def contradictions(self) -> list[str]:
        found = []
        for value, request in self.reads:
            if value in self.unknown and value not in self.zones:
                self.zones[value] = Zone(value, self.unknown[value].invoked, _NEVER, self.unknown[value].invoked)
            zone = self.zones.get(value)
            if value in self.refused:
                found.append(f"{self._spell(value)} was read, though its write was refused: {request}")
            elif isinstance(value, str) or zone is None:
                found.append(f"{value} (not a value of {self.key!r}): {request}")
            elif request.completed < zone.began:
                found.append(f"{self._spell(value)} was read before it was written: {request}")
            else:
                zone.see(request)
        return [f"register {self.key.decode()}: {text}" for text in found or self._clashes()]

    def _clashes(self) -> list[str]:
        found = []
        forward = sorted((zone for zone in self.zones.values() if zone.is_forward), key=lambda zone: zone.first_end)
        for one, two in zip(forward, forward[1:]):
            if two.first_end < one.last_begin:
                found.append(f"{self._spell(one.value)} and {self._spell(two.value)} were there at one time")
        starts = [zone.first_end for zone in forward]
        for zone in self.zones.values():
            around = bisect.bisect_left(starts, zone.last_begin) - 1
            if not zone.is_forward and around >= 0 and zone.first_end < forward[around].last_begin:
                found.append(f"{self._spell(zone.value)} was written while {self._spell(forward[around].value)} stayed")
        return found

    def _spell(self, value: object) -> str:
        zone = self.zones.get(value)
        times = f" ({zone.began:.6f}; {zone.first_end:.6f} to {zone.last_begin:.6f})" if zone else ""
        return f"{'.'.join(map(str, value))}{times}"


def _registers(history: Iterable[Request], deaths_of: dict[bytes, list[Window]]) -> dict[bytes, Register]:
    registers = {key: Register(key, deaths) for key, deaths in deaths_of.items()}
    for request in history:
        if request.name in ("SET", "MSET"):
            for key, value in zip(request.keys, request.values):
                if key in registers:
                    registers[key].write(value, request)
        elif request.name in ("GET", "MGET") and request.outcome is Outcome.DONE:
            for key, value in zip(request.keys, request.values):
                if key in registers:
                    registers[key].read(value, request)
    return registers


def check_registers(
    history: list[Request], last_reads: list[Request], deaths_of: dict[bytes, list[Window]], findings: Findings
) -> None:
    """`deaths_of` has the keys to check, each with the times at which its shard forgot everything."""
    for register in _registers(history, deaths_of).values():
        findings.wrong_replies += register.contradictions()
    if findings.wrong_replies:
        return
    for register in _registers([*history, *last_reads], deaths_of).values():
        findings.lost_writes += register.contradictions()


def check_own_order(history: list[Request], keys: set[bytes], findings: Findings) -> None:
    """Within a client, requests on a key are executed in their order, although a batch is sent at one time."""
    acknowledged: dict[tuple[int, bytes], int] = {}
    sent: dict[tuple[int, bytes], int] = {}
    known = {value for request in history if request.outcome is Outcome.DONE and request.name in ("SET", "MSET")
             for value in request.values}
    for request in sorted(history, key=lambda request: (request.client, request.position)):
        for key, value in zip(request.keys, request.values):
            place = (request.client, key)
            if key not in keys or not isinstance(value, tuple) or value[0] != request.client:
                continue
            if request.name in ("SET", "MSET"):
                sent[place] = value[1]
                if request.outcome is Outcome.DONE:
                    acknowledged[place] = value[1]
            elif value[1] > sent.get(place, 0):
                findings.wrong_replies.append(f"{key!r}: a client read what it wrote later: {request}")
            elif value in known and value[1] < acknowledged.get(place, 0):
                findings.wrong_replies.append(f"{key!r}: a client read what it had overwritten: {request}")


def check_counters(
    history: list[Request], finals: dict[bytes, int], forgetful: set[bytes], findings: Findings
) -> None:
    """`finals` has the keys to check with what they are at the end; a counter that is forgetful may begin anew."""
    asked = defaultdict(list)
    for request in history:
        if request.name == "INCR" and request.keys[0] in finals:
            asked[request.keys[0]].append(request)
    for key, final in finals.items():
        done = [request for request in asked[key] if request.outcome is Outcome.DONE]
        count_max = len(done) + sum(request.outcome in (Outcome.UNKNOWN, Outcome.LOST) for request in asked[key])
        name = f"counter {key.decode()}"
        if max([final, *(request.values[0] for request in done)]) > count_max:
            findings.wrong_replies.append(f"{name}: {final} at the end, {count_max} at most were executed")
        if key in forgetful:
            continue
        if final < len(done):
            findings.lost_writes.append(f"{name}: {final} at the end, {len(done)} were acknowledged")
        if len({request.values[0] for request in done}) < len(done):
            findings.wrong_replies.append(f"{name}: two requests were answered the same number")
        findings.wrong_replies += _backward_steps(name, done)


def _backward_steps(name: str, done: list[Request]) -> list[str]:
    """A number that is smaller than one which was answered before it was asked for."""
    ends = sorted(done, key=lambda request: request.completed)
    found, highest, position = [], 0, 0
    for request in sorted(done, key=lambda request: request.invoked):
        while position < len(ends) and ends[position].completed < request.invoked:
            highest = max(highest, ends[position].values[0])
            position += 1
        if request.values[0] <= highest:
            found.append(f"{name}: {highest} was answered before {request}")
    return found


def check_errors(
    history: list[Request], windows: list[Window], shard_of: dict[bytes, int], findings: Findings
) -> None:
    """Requests fail only on shards that something happened to, and say which; odd are those of corrupted shards."""
    shards_of_batch = defaultdict(set)
    for request in history:
        shards_of_batch[request.client, request.batch].update(shard_of[key] for key in request.keys)
    for request in history:
        if request.outcome is Outcome.DONE:
            continue
        shards = {shard_of[key] for key in request.keys}
        around = [window for window in windows
                  if window.begin <= request.completed and request.invoked <= window.end + GRACE_S]
        failing = {window.shard for window in around}
        if request.outcome is Outcome.ODD:
            corrupted = {window.shard for window in around if window.kind == CORRUPT}
            if not shards & corrupted or request.text.startswith("no reply"):
                findings.wrong_replies.append(f"odd: {request}")
        elif None in failing:
            continue
        elif request.outcome is Outcome.LOST:
            # When a shard is lost in the middle of a long reply, its reader is cut.
            if not failing & shards_of_batch[request.client, request.batch]:
                findings.stray_errors.append(f"a connection was closed without a reason: {request}")
        elif not any(_is_of(request.text, shard) for shard in failing & shards):
            findings.stray_errors.append(f"nothing had happened to {sorted(shards)}: {request}")


def _is_of(error: str, shard: int) -> bool:
    """Servers do not say who they are."""
    return f"shard{shard}" in error or error.startswith(REFUSALS)
