#!/usr/bin/env python3
"""Writes COMMANDS.md, the command table for people, from commands.csv.

A row's class says how Keyway treats the command and how atomic it is; NOTES has what differs from one server beyond
that; Tests/differential/not_yet.csv, which the differential test holds true, says what is still missing.

    python3 Sources/Routing/Commands/document.py            writes COMMANDS.md at the top of the package
    python3 Sources/Routing/Commands/document.py DIRECTORY  writes it into DIRECTORY (a test compares them)

Standard library only.
"""

import csv
import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]

# class: (what Keyway does, whether it is atomic)
CLASSES = {
    "KEY": ("passed on to the shard of its key", "yes"),
    "SPLIT": ("one command per shard, replies merged", "on each shard"),
    "COMPUTE": ("keys on one shard: passed on; else Keyway computes from parts", "on one shard; across shards no snapshot"),
    "SAMESHARD": ("keys on one shard: passed on; else `CROSSSLOT`", "yes"),
    "SCRIPT": ("keys on one shard: passed on; else `CROSSSLOT`", "yes"),
    "PINNED": ("on a connection to one shard that the client has for itself meanwhile", "yes"),
    "PUBSUB": ("one shard publishes, all are listened to; counts are of Keyway's clients and the servers' own", "-"),
    "ITERATE": ("shard after shard, with a cursor of Keyway's", "no snapshot"),
    "BCAST": ("asked of every shard, replies merged", "on each shard"),
    "LOCAL": ("answered by Keyway", "-"),
    "REFUSE": ("refused with `NOTSUPPORTED`", "-"),
}

# What differs from one server beyond the class, by name; the first pattern that fits counts.
NOTES = [
    ("MSETEX", "NX and XX: only with all keys on one shard"),
    ("MSETNX", "all or nothing, so never split"),
    ("MSET", "a shard that fails leaves its keys as they were; the error names it"),
    ("SORT*", "BY and GET patterns only with a hash tag before the star, which keeps them on the key's shard"),
    ("EVAL*", "only the keys that are named count; without keys, one shard runs it"),
    ("FCALL*", "only the keys that are named count; without keys, one shard runs it"),
    ("WATCH", "keys on one shard"), ("MULTI", "keys on one shard, else the transaction is aborted; no broadcasts in it"),
    ("WAIT*", "over the shards that this client wrote to; the smallest number"),
    ("MONITOR", "what goes through this Keyway"),
    ("XREAD*", "keys on one shard"),
    ("B*POP*", "keys on one shard"), ("BLMOVE", "keys on one shard"),
    ("SCAN", "a key that is there throughout comes at least once, as on a server"),
    ("CLUSTERSCAN", "as without cluster support"),
    ("RANDOMKEY", "shards weighted by their number of keys"),
    ("DBSIZE", "the sum"), ("KEYS", "in the order of the shards"),
    ("FLUSH*", "a shard that fails keeps its data; the error names it"),
    ("INFO", "Keyway's own sections and those of the shards"),
    ("CONFIG GET", "Keyway's settings"), ("CONFIG REWRITE", "Keyway rewrites no file"),
    ("CONFIG *", "on all shards; needs `operator_commands: true`"),
    ("FUNCTION LIST", "that of one shard"), ("FUNCTION DUMP", "that of one shard"),
    ("FUNCTION KILL", "where one runs"), ("SCRIPT KILL", "where one runs"),
    ("SCRIPT EXISTS", "1 when every shard has it"),
    ("SLOWLOG *", "merged, with the shard named"), ("COMMANDLOG *", "merged, with the shard named"),
    ("LATENCY *", "merged, with the shard named"), ("MEMORY USAGE", ""), ("MEMORY *", "with the shard named"),
    ("CLIENT LIST", "clients of Keyway"), ("CLIENT KILL", "clients of Keyway"), ("CLIENT INFO", "a client of Keyway"),
    ("CLIENT ID", "unique in this Keyway"), ("CLIENT PAUSE", "clients of Keyway"),
    ("CLIENT NO-TOUCH", "noted; the connections to the shards are shared, and touch keys"),
    ("CLIENT TRACKING", "RESP3, without REDIRECT; a connection to every shard meanwhile"),
    ("*PUBLISH", "counts the clients of this Keyway; each worker of another Keyway that listens counts as one receiver"),
    ("CLUSTER *", "one virtual node with `cluster_facade: on`, else disabled"),
    ("ACL *", "Keyway has one user; those of the shards are not shown"), ("AUTH", "the pool's password"),
    ("COMMAND*", "from the table that routes; DOCS says how Keyway treats a command"),
    ("HELLO", "Keyway's name and version of itself"), ("ROLE", "a primary without replicas"),
    ("SENTINEL*", "Keyway is no sentinel"),
]

# What a class NOTE would say of commands that only name a topology or a disk.
REFUSALS = {
    "SWAPDB": "it would swap databases of all clients on one shard after the other",
    "MIGRATE": "a key stays where its name says", "RESTORE-ASKING": "a node's own", "DEBUG": "would bypass placement",
    "SCRIPT DEBUG": "would stop a shard at a breakpoint",
}

GROUPS = {
    "string": "Strings", "bitmap": "Bitmaps", "hash": "Hashes", "list": "Lists", "set": "Sets",
    "sorted_set": "Sorted sets", "stream": "Streams", "geo": "Geo", "hyperloglog": "HyperLogLog",
    "generic": "Keys", "scripting": "Scripts and functions", "transactions": "Transactions", "pubsub": "Pub/sub",
    "connection": "Connections", "server": "Server", "cluster": "Cluster", "sentinel": "Sentinel",
}

HEAD = """# Commands

Each command of Valkey 9.1, how Keyway treats it, and what differs from one server. Made from the table that routes, by
`python3 Sources/Routing/Commands/document.py`; a test holds it true. The differential test (`make differential`) holds
that all else is as on one server.

| class | what Keyway does | atomic | commands |
| --- | --- | --- | ---: |
"""


def note_of(name: str) -> str:
    if name in REFUSALS:
        return REFUSALS[name]
    return next((note for pattern, note in NOTES if fnmatchcase(name, pattern)), "")


def missing() -> dict[str, str]:
    """What is not there yet, by the name of the command as COMMAND DOCS has it."""
    with open(ROOT / "Tests/differential/not_yet.csv", newline="") as file:
        return {row["command"]: row["feature"] for row in csv.DictReader(file)}


def row_text(row: dict[str, str], not_yet: dict[str, str]) -> str:
    name = row["command"]
    note = "" if row["class"] == "REFUSE" and name not in REFUSALS else note_of(name)
    lower = name.lower().replace(" ", "|")
    feature = next((text for pattern, text in not_yet.items() if fnmatchcase(lower, pattern)), None)
    if feature is not None:
        note = f"**not yet**: {feature}"
    return f"| {name} | {row['class']} | {CLASSES[row['class']][1]} | {note} |"


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    with open(HERE / "commands.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    names = {row["command"] for row in rows}
    unused = [pattern for pattern, _ in NOTES if not any(fnmatchcase(name, pattern) for name in names)]
    assert not unused and REFUSALS.keys() <= names, unused
    assert {row["group"] for row in rows} <= GROUPS.keys(), {row["group"] for row in rows} - GROUPS.keys()
    not_yet = missing()
    lines = [
        f"| {name} | {what} | {atomic} | {sum(row['class'] == name for row in rows)} |"
        for name, (what, atomic) in CLASSES.items()
    ]
    text = HEAD + "\n".join(lines) + "\n"
    for group, title in GROUPS.items():
        members = [row for row in rows if row["group"] == group]
        if members:
            text += f"\n## {title}\n\n| command | class | atomic | what differs |\n"
            text += "| --- | --- | --- | --- |\n"
            text += "\n".join(row_text(row, not_yet) for row in members) + "\n"
    (target / "COMMANDS.md").write_text(re.sub(r" +\|", " |", text))
    print(f"{len(rows)} commands written to {target / 'COMMANDS.md'}")


if __name__ == "__main__":
    main()
