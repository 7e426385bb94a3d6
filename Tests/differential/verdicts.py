"""What is allowed to differ: differences.csv (for good, with the reason) and not_yet.csv (until Keyway does it).

Both tables are read by people first: keep them short. A row of not_yet.csv that Keyway no longer refuses is a fault.
"""

import re
from collections import Counter
from fnmatch import fnmatchcase

from . import rules

OFTEN = 20


class Verdicts:
    def __init__(self, version: str, is_mirror: bool = False):
        self.accepted = [
            row | {"keyway": re.compile(row["keyway"], re.DOTALL), "one": re.compile(row["one"], re.DOTALL)}
            for row in rules.read_table("differences.csv")
            if row["server"] in ("", version.split(".")[0])
        ]
        self.not_yet = [
            row | {"keyway": re.compile(row["keyway"], re.DOTALL)} for row in rules.read_table("not_yet.csv")
            if not is_mirror]
        self.refused: Counter[str] = Counter()

    def accepts(self, name: str, ours: str, theirs: str) -> bool:
        return any(
            fnmatchcase(name, row["command"]) and row["keyway"].match(ours) and row["one"].match(theirs)
            for row in self.accepted)

    def is_not_yet(self, name: str, ours: str) -> bool:
        """Whether the table of what is missing has this answer of Keyway; notes that it is still missing."""
        for row in self.not_yet:
            if fnmatchcase(name, row["command"]) and row["keyway"].match(ours):
                self.refused[row["command"]] += 1
                return True
        return False

    def is_listed(self, name: str) -> bool:
        """Whether the table of what is missing names the command at all."""
        return any(fnmatchcase(name, row["command"]) for row in self.not_yet)

    def outdated(self, drawn: Counter[str]) -> list[str]:
        """Commands of not_yet.csv that were drawn often, and not once refused: they work now."""
        return [
            row["command"] for row in self.not_yet
            if row["keyway"].pattern.startswith(("-NOTSUPPORTED", "-NOPROTO"))
            and drawn[row["command"]] >= OFTEN and not self.refused[row["command"]]]
