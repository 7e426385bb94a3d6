"""Markdown tables from rows. Every figure is a median over rounds; no figure is shown that was
not measured."""

from collections.abc import Iterable, Sequence
from typing import Optional, Protocol

from .rounds import Row, median


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """The first column is text, all others are numbers."""
    text = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    text += ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(text) + "\n"


def number(value: Optional[float]) -> str:
    """Three digits that count."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def thousands(value: Optional[float]) -> str:
    return "–" if value is None else f"{number(value / 1e3)}k"


def ratio(value: Optional[float], of: Optional[float]) -> str:
    return f"{value / of:.2f}" if value is not None and of else "–"


def names(rows: Sequence[Row], attribute: str) -> list[str]:
    return list(dict.fromkeys(getattr(row, attribute) for row in rows))


def _medians(
    rows: Sequence[Row], workload: str, figure: str, targets: Sequence[str]
) -> list[Optional[float]]:
    return [
        median([row for row in rows if row.workload == workload and row.target == target], figure)
        for target in targets
    ]


def by_workload(rows: Sequence[Row], figure: str, subject: str, not_peers: Sequence[str]) -> str:
    """One line a workload, one column a target, and the subject's figure as a multiple of the
    best peer's."""
    targets = names(rows, "target")
    lines = []
    for workload in names(rows, "workload"):
        values = dict(zip(targets, _medians(rows, workload, figure, targets)))
        peers = [
            value
            for name, value in values.items()
            if value is not None and name not in (subject, *not_peers)
        ]
        best = (max if figure == "rate_per_s" else min)(peers) if peers else None
        lines.append(
            [
                workload,
                *(number(values[name]) for name in targets),
                ratio(values.get(subject), best),
            ]
        )
    return table(["workload", *targets, f"{subject} / best peer"], lines)


def against_each(rows: Sequence[Row], figure: str, subject: str) -> str:
    """The subject's figure as a multiple of each other target's."""
    others = [name for name in names(rows, "target") if name != subject]
    lines = []
    for workload in names(rows, "workload"):
        own = _medians(rows, workload, figure, [subject])[0]
        lines.append(
            [workload, *(ratio(own, other) for other in _medians(rows, workload, figure, others))]
        )
    return table(["workload", *(f"{subject} / {name}" for name in others)], lines)


class _Measured(Protocol):
    @property
    def foreign(self) -> float: ...


def noise(rows: Sequence[_Measured], limit: float) -> str:
    """One sentence about how quiet the machine was."""
    loud = sum(row.foreign > limit for row in rows)
    worst = max((row.foreign for row in rows), default=0.0)
    return (
        f"{len(rows)} measurements; others used more than {limit:.0%} of the machine in {loud} of "
        f"them, at most {worst:.0%}.\n"
    )
