"""What a run adds up to, for people."""

from collections import Counter

from .checks import Findings
from .crew import Harvest
from .staleness import Staleness

SHOWN_COUNT = 12
# Of all reads; with fewer answers from copies, a run proves nothing.
HITS_PERCENT_MIN = {"cache": 30, "replicate": 5}


class Report:
    """Sums over all chapters."""

    def __init__(self, mode: str):
        self.hits_percent_min = HITS_PERCENT_MIN[mode]
        self.reads: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.error_count = self.excused_count = self.unknown_count = 0
        self.paused_s = 0.0
        self.staleness = Staleness()
        self.metrics: dict[str, int] = {}
        self.problems: list[str] = []

    def add(self, harvest: Harvest, kinds: list[str], findings: Findings) -> None:
        self.reads.update(read.name for read in harvest.reads)
        self.writes.update(write.name for write in harvest.writes if not write.is_expiry)
        self.unknown_count += sum(write.acknowledged == float("inf") for write in harvest.writes)
        self.faults.update(kinds)
        self.rules.update(findings.counts)
        self.error_count += harvest.error_count

    @property
    def hits_percent(self) -> float:
        spread = self.metrics.get("keyway_spread_reads", 0) - self.metrics.get("keyway_spread_reads_home", 0)
        return 100 * (self.metrics.get("keyway_copy_hits", 0) + spread) / max(1, sum(self.reads.values()))

    def is_good(self) -> bool:
        return not self.rules and not self.problems

    def text(self, seconds: float) -> str:
        reads, writes = sum(self.reads.values()), sum(self.writes.values())
        of_copies = {name: self.metrics.get(f"keyway_{metric}", 0) for name, metric in (
            ("hits", "copy_hits"), ("misses", "copy_misses"), ("fills", "copy_fills"), ("dropped", "copies_dropped"),
            ("pushes", "copy_pushes"), ("spread", "spread_reads"), ("asked at home", "spread_reads_home"),
            ("doubted", "spread_proofs"), ("generations", "generations"))}
        lines = [
            f"reads          {reads} in {seconds:.0f} s: {_counts(self.reads)}",
            f"writes         {writes}, of {self.unknown_count} the outcome is unknown: {_counts(self.writes)}",
            f"copies         {self.hits_percent:.0f} % of the reads; {_counts(Counter(of_copies))}",
            f"staleness      {self.staleness.text()}",
            f"faults         {sum(self.faults.values())}: {_counts(self.faults) or 'none'}",
            f"errors         {self.error_count}; {self.excused_count} reads of versions of which nothing is known",
            f"pauses         {self.paused_s:.1f} s in which the machine, or Keyway, stood still",
            f"wrong reads    {sum(self.rules.values())}{': ' if self.rules else ''}{_counts(self.rules)}",
        ]
        lines += [f"problem: {problem}" for problem in self.problems]
        return "\n".join(lines)


def describe(findings: Findings, seed: int, chapter: int) -> str:
    """The first of what is wrong in a chapter."""
    lines = [f"chapter {chapter} of seed {seed}: {sum(findings.counts.values())} findings"]
    lines += [f"  {text[:700]}" for text in findings.texts[:SHOWN_COUNT]]
    return "\n".join(lines)


def _counts(counter: Counter) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())
