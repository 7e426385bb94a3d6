"""What a chapter is about, drawn from the seed: how its keys are written, and what fails."""

import random
from dataclasses import dataclass

from endurance.conductor import Plan

KEYS = [b"s0", b"s1", b"s2", b"s3", b"h0", b"h1", b"l0", b"z0"]
COUNTER_COUNT = 2
MODES = ["cache", "replicate"]
# How long writers rest at most: copies on servers wait for a quiet moment.
PAUSES_S = {"cache": [0.02, 0.1, 0.2], "replicate": [1, 3, 6]}
KINDS = (["kill", "stop", "stop", "delay", "skew", "skew", "skew", "dribble", "cut", "cut", "silence", "freeze"]
         + ["untrack"] * 3)


@dataclass
class Chapter:
    """What clients have to know."""

    seed: str
    keys: list[bytes]
    shard_of: dict[bytes, int]
    # Of each Keyway, and of each server's socket.
    ports: list[int]
    paths: list[str]
    # Writers rest for up to this long.
    pause_s: float
    beside_share: float
    flushes: bool
    # Each way of each connection to a server is late by its own part of this, so that they overtake each other.
    skew_s: float


def draw_chapter(seed: str, number: int, mode: str, ports: list[int], paths: list[str], place) -> Chapter:
    source = random.Random(f"{seed}/chapter")
    flushes = source.random() < 0.5
    # A counter has no place in its order for a flush.
    counters = [] if flushes else [b"c%d.%d" % (number, index) for index in range(COUNTER_COUNT)]
    keys = KEYS + counters
    return Chapter(seed, keys, place(keys), ports, paths, source.choice(PAUSES_S[mode]),
                   source.choice([0.2, 0.5, 0.8]), flushes, source.choice([0, 0, 0.004, 0.02]))


def draw_faults(seed: str, mode: str, seconds: float, shard_count: int) -> Plan:
    """A quarter of the chapters have none."""
    source = random.Random(f"{seed}/faults")
    count = source.choice([0, *range(1, shard_count + 1)])
    all_kinds = KINDS + (["evict"] * 4 if mode == "replicate" else [])
    kinds = all_kinds if source.random() < 0.7 else source.sample(all_kinds, 2)
    return Plan(seed, seconds, source.sample(range(shard_count), count), None, None, [], kinds)
