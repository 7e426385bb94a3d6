"""Differences for people: one with its reproduction, or the list of a survey."""

import time
from collections import Counter, defaultdict
from pathlib import Path

from .resp import Connection, show
from .runner import Difference
from .shrink import Step, flatten
from .stream import Batch

LAST_COUNT = 30
# A harmful difference ends its chapter; a command that has so many kinds of them is left out from then on.
KINDS_MAX = 2


def version_of(server: Connection) -> str:
    words = dict(line.split(":", 1) for line in server.command("INFO", "server").decode().splitlines() if ":" in line)
    return words.get("valkey_version", words["redis_version"])


def words_text(words: list[bytes]) -> str:
    return " ".join(_word(word) for word in words)


def _word(word: bytes) -> str:
    plain = word.decode("ascii", "replace")
    if plain and all(character.isalnum() or character in "-_:.*{}()[]+|#$>~/" for character in plain):
        return plain
    return '"' + "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word) + '"'


def describe(difference: Difference, steps: list[Step] | None, batches: list[Batch], seed: int, chapter: int) -> str:
    lines = [
        f"difference ({difference.kind}) at command {difference.position} of chapter {chapter}, seed {seed}",
        f"  command    {words_text(difference.words)[:500]}",
        f"  Keyway     {show(difference.ours)}",
        f"  one server {show(difference.theirs)}",
    ]
    if difference.note:
        lines.append(f"  {difference.note}")
    if steps is None:
        lines.append(f"  it did not come again; the last {LAST_COUNT} commands:")
        steps = flatten(batches)[: difference.position][-LAST_COUNT:]
    else:
        lines.append(f"  reproduction, {len(steps)} commands (connection: command):")
    lines += [f"    {connection}: {words_text(words)[:600]}" for connection, words in steps]
    return "\n".join(lines)


class Survey:
    """All kinds of differences of a run, each once."""

    def __init__(self, version: str, seed: int):
        self.version = version
        self.seed = seed
        self.texts: dict[tuple, tuple[Difference, str]] = {}
        self.times: Counter[tuple] = Counter()

    def is_new(self, difference: Difference) -> bool:
        self.times[difference.signature] += 1
        return self.times[difference.signature] == 1

    def is_frequent(self, difference: Difference) -> bool:
        return sum(name == difference.name for _, name, _, _ in self.texts) >= KINDS_MAX

    def add(self, difference: Difference, text: str) -> None:
        self.texts[difference.signature] = (difference, text)
        words = words_text(difference.words)[:80]
        print(f"{len(self.texts)}: {difference.kind}: {difference.name}: {words}", flush=True)

    def write(self, path: str, counts: Counter, seconds: float) -> None:
        by_kind = defaultdict(list)
        for signature, (difference, text) in self.texts.items():
            by_kind[difference.kind].append((difference.name, self.times[signature], difference, text))
        lines = [
            f"# Differences between Keyway over four shards and one Valkey {self.version}", "",
            f"Seed {self.seed}, {counts['commands']} commands in {seconds:.0f} s, {time.strftime('%H:%M')}.", "",
        ]
        for kind, rows in sorted(by_kind.items()):
            lines += [f"## {kind}: {len(rows)}", ""]
            for name, times, difference, text in sorted(rows, key=lambda row: row[0]):
                if kind == "not supported":
                    lines.append(f"- {name} ({times} times): `{show(difference.ours, 150)}`")
                else:
                    lines += [f"### {name} ({times} times)", "```", text, "```"]
            lines.append("")
        Path(path).write_text("\n".join(lines))
