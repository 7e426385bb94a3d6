#!/usr/bin/env python3
"""Writes CommandRows.swift and CommandID.swift from commands.csv.

The data: commands.csv is derived from the command JSON of Valkey 9.1 (src/commands/*.json in valkey-io/valkey:
arity, flags, tips, key specifications, since, group). The columns `class` and `treatment` are Keyway's own.

Run by hand after a change of commands.csv or of a table below:

    python3 Sources/Routing/Commands/generate.py            writes both files beside itself
    python3 Sources/Routing/Commands/generate.py DIRECTORY  writes them into DIRECTORY (a test compares them)

Standard library only.
"""

import csv
import json
import os
import re
import sys

CLASSES = {
    "KEY": "key", "SPLIT": "split", "COMPUTE": "compute", "SAMESHARD": "sameShard", "SCRIPT": "script",
    "PINNED": "pinned", "PUBSUB": "pubSub", "ITERATE": "iterate", "BCAST": "broadcast", "LOCAL": "local",
    "REFUSE": "refuse",
}
FLAGS = {
    "WRITE": "write", "READONLY": "readonly", "DENYOOM": "denyOOM", "ADMIN": "admin", "PUBSUB": "pubSub",
    "NOSCRIPT": "noscript", "BLOCKING": "blocking", "LOADING": "loading", "STALE": "stale",
    "SKIP_MONITOR": "skipMonitor", "SKIP_COMMANDLOG": "skipCommandlog", "ASKING": "asking", "FAST": "fast",
    "NO_AUTH": "noAuth", "MAY_REPLICATE": "mayReplicate", "SENTINEL": "sentinel", "ONLY_SENTINEL": "onlySentinel",
    "NO_MANDATORY_KEYS": "noMandatoryKeys", "PROTECTED": "protected", "NO_ASYNC_LOADING": "noAsyncLoading",
    "NO_MULTI": "noMulti", "ALLOW_BUSY": "allowBusy", "TOUCHES_ARBITRARY_KEYS": "touchesArbitraryKeys",
    "ALL_DBS": "allDBs",
}
TIP_FLAGS = {
    "NONDETERMINISTIC_OUTPUT": "nondeterministicOutput", "NONDETERMINISTIC_OUTPUT_ORDER": "nondeterministicOrder",
}
REQUEST = {"ALL_NODES": "allNodes", "ALL_SHARDS": "allShards", "MULTI_SHARD": "multiShard", "SPECIAL": "special"}
RESPONSE = {
    "AGG_SUM": "sum", "AGG_MIN": "minimum", "AGG_LOGICAL_AND": "logicalAnd", "ALL_SUCCEEDED": "allSucceeded",
    "ONE_SUCCEEDED": "oneSucceeded", "SPECIAL": "special",
}
KEYWORDS = {"STREAMS": "streams", "STORE": "store", "STOREDIST": "storeDist", "KEYS": "keys"}

# What a proxy must see otherwise than a node of a cluster does. Each line says why.
OVERRIDES = {
    # Valkey has no policy for it and its answers do not add up: the union of the registers counts.
    "PFCOUNT": {"request": "multiShard", "response": "special"},
    # "None exists" is a condition over all keys: never split.
    "MSETNX": {"request": "none", "response": "none"},
    # NX and XX make it conditional over all keys, and its answer is not OK: see the planner.
    "MSETEX": {"request": "multiShard", "response": "special"},
    # Valkey lets one connection watch many keys of one server; a transaction lives on one shard.
    "WATCH": {"request": "none", "response": "none"},
    # Only the shards that this session wrote to; the smallest number is the truth for all.
    "WAIT": {"request": "special", "response": "minimum"},
    "WAITAOF": {"request": "special", "response": "minimum"},
    # A channel has one home shard per pool.
    "PUBLISH": {"request": "special", "response": "none"},
    # Its first argument is a cursor that only looks like a key.
    "CLUSTERSCAN": {"finding": "none"},
}

# Their specification carries NOT_KEY in Valkey: the argument routes like a key but is a channel or a cursor.
NOT_KEY = {"CLUSTERSCAN", "SPUBLISH", "SSUBSCRIBE", "SUNSUBSCRIBE"}

# Which numbers of keys are legal and in which words Valkey refuses others.
NUMKEYS_RULES = {
    "script": "EVAL EVALSHA EVAL_RO EVALSHA_RO", "function": "FCALL FCALL_RO", "pop": "LMPOP ZMPOP BLMPOP BZMPOP",
    "setCardinality": "SINTERCARD", "pairs": "MSETEX",
    "sortedSet": "ZDIFF ZDIFFSTORE ZINTER ZINTERSTORE ZINTERCARD ZUNION ZUNIONSTORE",
}

ROWS_PER_FUNCTION = 10

# Swift words that cannot be the bare name of a case.
RESERVED = {"default", "import", "init", "self", "switch", "case", "return", "where", "in", "is", "as", "do", "for"}


def case_name(command):
    words = [w.lower() for w in re.split(r"[ _-]", command)]
    name = words[0] + "".join(w.capitalize() for w in words[1:])
    return f"`{name}`" if name in RESERVED else name


def parse_specs(text):
    specs = []
    for part in filter(None, text.split(";")):
        begin, find = (json.loads(half) for half in part.split("->"))
        specs.append((begin, find))
    return specs


def spec_source(spec, not_key):
    begin, find = spec
    if "unknown" in begin:
        return ".unknown"
    if "keynum" in find:
        n = find["keynum"]
        return (f".keynum(at: {begin['index']['pos']}, number: {n['keynumidx']}, "
                f"first: {n['firstkey']}, step: {n['step']})")
    r = find["range"]
    tail = f"last: {r['lastkey']}, step: {r['step']}, limit: {r['limit']}"
    if "index" in begin:
        return f".range(at: {begin['index']['pos']}, {tail}{', notKey: true' if not_key else ''})"
    k = begin["keyword"]
    return f".keyword(.{KEYWORDS[k['keyword']]}, from: {k['startfrom']}, {tail})"


def is_plain(spec):
    return "index" in spec[0] and "range" in spec[1]


def legacy_range(specs):
    """First, last, step as COMMAND INFO shows them: plain ranges that follow each other without a gap."""
    first = last = step = 0
    for begin, find in filter(is_plain, specs):
        start, r = begin["index"]["pos"], find["range"]
        end = r["lastkey"] if r["lastkey"] < 0 else start + r["lastkey"]
        if first == 0:
            first, last, step = start, end, r["step"]
        elif start == last + 1 and r["step"] == step == 1:
            last = end
    return first, last, step


def finding_of(specs):
    if not specs:
        return "none"
    if any("unknown" in begin for begin, _ in specs):
        return "unknown"
    if any("keyword" in begin for begin, _ in specs):
        return "keyword"
    if len(specs) > 1:
        return "multiple"
    find = specs[0][1]
    if "keynum" in find:
        return "keynum"
    return "single" if find["range"]["lastkey"] == 0 else "range"


def quoted(text):
    assert "\\" not in text and '"' not in text, text
    return f'"{text}"'


def option_set(names):
    return "[" + ", ".join("." + name for name in names) + "]"


def row_source(row, subcommand_count):
    command, specs = row["command"], parse_specs(row["keyspecs"])
    tips = row["tips"].split()
    flags = [FLAGS[f] for f in row["flags"].split()] + [TIP_FLAGS[t] for t in tips if t in TIP_FLAGS]
    if subcommand_count:
        flags.append("container")
    if any(not is_plain(s) for s in specs):
        flags.append("movableKeys")
    request = response = "none"
    for tip in tips:
        kind, _, value = tip.partition(":")
        if kind == "REQUEST_POLICY":
            request = REQUEST[value]
        elif kind == "RESPONSE_POLICY":
            response = RESPONSE[value]
        else:
            assert tip in TIP_FLAGS, tip
    override = OVERRIDES.get(command, {})
    request, response = override.get("request", request), override.get("response", response)
    finding = override.get("finding", finding_of(specs))
    first, last, step = legacy_range(specs)
    keynum = next((b["index"]["pos"] + f["keynum"]["keynumidx"] for b, f in specs if "keynum" in f), 0)
    rule = next((r for r, names in NUMKEYS_RULES.items() if command in names.split()), "none")
    assert (rule == "none") == (keynum == 0), command
    assert len(specs) <= 3, command
    if row["class"] == "KEY":
        assert finding == "single", command

    arguments = [f".{case_name(command)}", f".{CLASSES[row['class']]}", f"arity: {row['arity']}"]
    if flags:
        arguments.append(option_set(flags))
    arguments += [f"{label}: .{value}" for label, value in
                  (("request", request), ("response", response), ("finding", finding)) if value != "none"]
    arguments += [f"{label}: {value}" for label, value in
                  (("first", first), ("last", last), ("step", step), ("keynum", keynum)) if value]
    if rule != "none":
        arguments.append(f"rule: .{rule}")
    if subcommand_count:
        arguments.append(f"subcommands: {subcommand_count}")
    arguments += [spec_source(s, command in NOT_KEY) for s in specs]
    strings = [quoted(command), quoted(row["group"]), f"since: {quoted(row['since'])}"]
    lines = ["    rows.add(", "        " + ", ".join(strings) + ","]
    if tips:
        lines.append(f"        tips: {quoted(row['tips'].lower())},")
    if row["treatment"]:
        lines.append(f"        treatment: {quoted(row['treatment'])},")
    lines.append("        CommandRow(")
    line = "           "
    for index, argument in enumerate(arguments):
        piece = argument + ("))" if index == len(arguments) - 1 else ",")
        if len(line) + 1 + len(piece) > 120:
            lines.append(line)
            line = "           "
        line += " " + piece
    lines.append(line)
    return "\n".join(lines)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    target = sys.argv[1] if len(sys.argv) > 1 else here
    with open(os.path.join(here, "commands.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    names = [row["command"] for row in rows]
    assert len(set(map(case_name, names))) == len(names)
    assert set(OVERRIDES) | NOT_KEY <= set(names)

    sources = []
    for index, row in enumerate(rows):
        prefix = row["command"] + " "
        subcommands = [i for i, name in enumerate(names) if name.startswith(prefix)]
        assert subcommands == list(range(index + 1, index + 1 + len(subcommands))), row["command"]
        sources.append(row_source(row, len(subcommands)))

    # In one function, the optimiser of a release build does not come to an end.
    chunks = [sources[start:start + ROWS_PER_FUNCTION] for start in range(0, len(sources), ROWS_PER_FUNCTION)]
    with open(os.path.join(target, "CommandRows.swift"), "w") as file:
        file.write(
            "// CommandRows: the commands of Valkey 9.1, one row per command, every fact in that row.\n"
            "// Generated by generate.py from commands.csv: do not edit, change the data and run it again.\n"
            "// Not here: what the words mean (CommandFacts, KeySpec), how a row is found (CommandTable).\n\n"
            "/// All rows, in the order of `CommandID`.\n"
            "func makeCommandRows() -> CommandRows {\n"
            f"    var rows = CommandRows(reservedCount: {len(rows)})\n" +
            "".join(f"    addRows{number}(to: &rows)\n" for number in range(len(chunks))) + "    return rows\n}\n")
        for number, chunk in enumerate(chunks):
            file.write(f"\n@inline(never)\nprivate func addRows{number}(to rows: inout CommandRows) {{\n" +
                       "\n".join(chunk) + "\n}\n")
    with open(os.path.join(target, "CommandID.swift"), "w") as file:
        file.write(
            "// CommandID: a name for every command that Keyway knows; its raw value is the index of its row.\n"
            "// Generated by generate.py from commands.csv: do not edit, change the data and run it again.\n"
            "// Not here: what a command is (CommandRows). Raw values are not stable between releases.\n\n"
            "/// `CONFIG GET` is `.configGet`; a command that has subcommands is a case of its own, `.config`.\n"
            "public enum CommandID: UInt16, BitwiseCopyable, Sendable, CaseIterable {\n" +
            "".join(f"    case {case_name(name)}\n" for name in names) +
            "    /// A command that servers have and the table lacks; it has no row here (LearnedCommands).\n"
            "    case learned\n}\n")
    print(f"{len(rows)} commands written to {target}")


if __name__ == "__main__":
    main()
