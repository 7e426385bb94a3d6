"""What is not sent, and how replies are judged where they need not be equal byte for byte. Every entry says why.

Accepted differences of replies stand in differences.csv, what Keyway does not do yet in not_yet.csv.
"""

import csv
from pathlib import Path

# Sent to neither side.
EXCLUDED = {
    "monitor": "its stream has no replies to pair; it has a test of its own",
    "client|kill": "ends connections of the judge; it has a test of its own",
    "client|pause": "stops everything for a time; it has a test of its own",
    "client|unpause": "as client|pause",
    "client|reply": "drawn as a group, of which the judge knows the silence",
    "client|tracking": "its pushes come at their own time; it has a test of its own",
    "acl|setuser": "would lock the judge out", "acl|deluser": "would lock the judge out",
    "acl|load": "needs a file", "acl|save": "needs a file", "config|rewrite": "needs a file",
    "memory|malloc-stats": "a page of numbers, slow to make",
    "subscribe": "played by channels.py", "psubscribe": "as subscribe",
    "ssubscribe": "as subscribe", "unsubscribe": "as subscribe", "punsubscribe": "as subscribe",
    "sunsubscribe": "as subscribe",
    "latency|doctor": "a page of prose about the moment", "lolwut": "art",
    "script|flush": "a server then forgets scripts of EVAL at its own time; so all are loaded, and stay",
    "quit": "closes the connection; it has a test of its own",
}

# The class of each command, named as in COMMAND DOCS.
COMMANDS_CSV = Path(__file__).resolve().parents[2] / "Sources/Routing/Commands/commands.csv"


def _classes() -> dict[str, str]:
    with open(COMMANDS_CSV, newline="") as file:
        return {row["command"].lower().replace(" ", "|"): row["class"] for row in csv.DictReader(file)}


CLASSES = _classes()
# Sent to Keyway alone, which must answer with an error.
REFUSED = {name for name, command_class in CLASSES.items() if command_class == "REFUSE"}

# What no shard executes as it is, so that Keyway may refuse to queue it; but of these, what any shard can answer.
NOT_OF_ONE_SHARD = {"LOCAL", "BCAST", "ITERATE", "PUBSUB", "REFUSE"}
OF_ANY_SHARD = {
    "ping", "echo", "time", "lolwut", "command", "command|count", "publish", "spublish", "module|list", "lastsave",
    "acl|cat", "acl|genpass",
}


def may_stay_out_of_transactions(name: str) -> bool:
    return CLASSES.get(name) in NOT_OF_ONE_SHARD and name not in OF_ANY_SHARD and not name.endswith("|help")


# How often a command is drawn; 1 is the measure.
WEIGHTS = {
    "flushall": 0.02, "flushdb": 0.03, "command": 0.01, "command|docs": 0.02, "command|list": 0.02, "info": 0.05,
    "del": 0.6, "unlink": 0.5, "move": 0.6, "spop": 0.6, "getdel": 0.6, "rename": 0.6,
    "blpop": 0.05, "brpop": 0.05, "blmove": 0.05, "blmpop": 0.05, "brpoplpush": 0.05, "bzmpop": 0.05,
    "bzpopmin": 0.05, "bzpopmax": 0.05, "wait": 0.05, "waitaof": 0.05,
    "client|list": 0.02, "client|info": 0.1, "hello": 0.3, "reset": 0.1, "select": 0.7,
    "multi": 0.1, "exec": 0.1, "discard": 0.1, "watch": 0.2, "unwatch": 0.1,
    "memory|stats": 0.05, "memory|doctor": 0.05, "memory|purge": 0.02, "latency|histogram": 0.02,
    "function|dump": 0.2, "function|flush": 0.1, "xinfo|stream": 0.7, "config|set": 0.05,
    "acl|list": 0.1, "acl|cat": 0.1, "georadius": 0.5, "georadiusbymember": 0.5,
}
ADMINISTRATIVE_WEIGHT = 0.1
ADMINISTRATIVE_GROUPS = {"server", "cluster", "connection", "pubsub", "transactions"}

# `order`: equal as multisets; `deep`: at every level. `near`: integers a few seconds apart. `shape`: the same kind of
# reply, of maps with the same keys; `kind`: without. `limit`: with GT or LT, 0 and 1 are equal, for the same span set
# twice ends in the same millisecond, or not. `full`: as `shape` with FULL, which shows when a consumer came.
JUDGED = {
    "ttl": "near", "pttl": "near", "expiretime": "near", "pexpiretime": "near", "httl": "near", "hpttl": "near",
    "hexpiretime": "near", "hpexpiretime": "near",
    "expire": "limit", "pexpire": "limit", "hexpire": "limit", "hpexpire": "limit",
    "command": "deep", "command|info": "deep", "command|docs": "deep", "acl|cat": "order", "config|get": "order",
    "xinfo|stream": "full",
    # Numbers, names and addresses of one process.
    "hello": "shape", "client|id": "shape", "acl|genpass": "shape", "acl|log": "shape", "memory|usage": "shape",
    "slowlog|len": "shape", "slowlog|get": "shape", "commandlog|len": "shape", "commandlog|get": "shape",
    "function|dump": "shape", "lastsave": "shape", "time": "shape", "role": "shape",
    "memory|stats": "shape", "latency|latest": "shape", "latency|histogram": "kind",
    # Sorted by something else than the elements, or by their front only, equal ones stand as the hash seed has them.
    "sort": "sort", "sort_ro": "sort",
    # Cursors are Keyway's own (SCAN) or follow the hash seed; all of a small collection comes at once.
    "scan": "scan", "sscan": "scan", "hscan": "scan", "zscan": "scan", "clusterscan": "scan",
}

# The argument that is a timeout in seconds, counted from the command's name, or from the end.
TIMEOUT_PLACES = {
    "blpop": -1, "brpop": -1, "blmove": -1, "brpoplpush": -1, "bzpopmin": -1, "bzpopmax": -1, "blmpop": 1, "bzmpop": 1,
}
# Small numbers here would strike during the run.
EXPIRING = {
    "set", "setex", "psetex", "getex", "msetex", "expire", "pexpire", "expireat", "pexpireat", "hexpire", "hpexpire",
    "hexpireat", "hpexpireat", "hsetex", "hgetex", "restore", "xclaim", "xautoclaim", "xpending", "xreadgroup", "xread",
    "wait", "waitaof",
}


def rule_of(name: str, tips: set[str]) -> str:
    """How replies of a command are compared: exact, order, deep, near, limit, shape, kind, full, sort or scan."""
    if name in JUDGED:
        return JUDGED[name]
    if "nondeterministic_output" in tips:
        return "shape"
    if "nondeterministic_output_order" in tips:
        return "order"
    return "exact"


def read_table(name: str) -> list[dict[str, str]]:
    with open(Path(__file__).with_name(name), newline="") as file:
        return list(csv.DictReader(file))
