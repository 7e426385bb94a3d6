"""What a run adds up to, for people."""

from collections import Counter

from .checks import Findings
from .fleet import MEMORY_LIMIT_MB
from .history import Outcome, Request

SHOWN_COUNT = 12


class Report:
    """Sums over all chapters."""

    def __init__(self):
        self.requests: Counter[str] = Counter()
        self.outcomes: Counter[Outcome] = Counter()
        self.faults: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.wrong_count = self.lost_count = self.stray_count = 0
        self.problems: list[str] = []
        self.peak_bytes = 0
        self.descriptors_at_start = self.descriptors_at_end = 0
        self.slowest_s = 0.0

    def add(self, history: list[Request], kinds: list[str], findings: Findings) -> None:
        self.requests.update(request.name for request in history)
        self.outcomes.update(request.outcome for request in history)
        self.faults.update(kinds)
        self.errors.update(request.text.split(" ", 1)[0] if request.outcome is not Outcome.LOST else "(closed)"
                           for request in history if request.text)
        self.slowest_s = max([self.slowest_s, *(request.completed - request.invoked for request in history)])
        self.wrong_count += len(findings.wrong_replies)
        self.lost_count += len(findings.lost_writes)
        self.stray_count += len(findings.stray_errors)

    def is_good(self) -> bool:
        return not (self.wrong_count or self.lost_count or self.stray_count or self.problems)

    def text(self, seconds: float) -> str:
        total = sum(self.requests.values())
        outcomes = ", ".join(f"{self.outcomes[outcome]} {outcome.name.lower()}" for outcome in Outcome)
        lines = [
            f"requests       {total} in {seconds:.0f} s: {_counts(self.requests)}",
            f"outcomes       {outcomes}; the slowest took {self.slowest_s:.1f} s",
            f"faults         {sum(self.faults.values())}: {_counts(self.faults)}",
            f"errors         {_counts(self.errors) or 'none'}",
            f"wrong replies  {self.wrong_count}",
            f"lost writes    {self.lost_count}",
            f"errors without a fault  {self.stray_count}",
            f"keyway         peak {self.peak_bytes / (1 << 20):.0f} MB resident, memory_limit {MEMORY_LIMIT_MB} MB; "
            f"{self.descriptors_at_start} descriptors at the start, {self.descriptors_at_end} at the end",
        ]
        lines += [f"problem: {problem}" for problem in self.problems]
        return "\n".join(lines)


def describe(findings: Findings, seed: int, chapter: int) -> str:
    """The first of what is wrong in a chapter."""
    found = findings.all()
    lines = [f"chapter {chapter} of seed {seed}: {len(found)} findings"]
    lines += [f"  {text[:600]}" for text in found[:SHOWN_COUNT]]
    return "\n".join(lines)


def _counts(counter: Counter) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())
