"""Plots as SVG, drawn by hand: lines with dots on axes that may be logarithmic, and bars in groups.

The colours tell each other apart in light and dark surroundings; nothing is loaded from elsewhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Callable, Optional

Point = tuple[float, float]
COLOURS = ("#4269d0", "#ef8e2c", "#3ca951", "#d4424e", "#8a63c9", "#7f7f7f", "#2aa4b0")
WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 40, 55


# Where a logarithmic axis may begin and end.
ROUND = tuple(float(f"{part}e{power}") for power in range(-6, 13) for part in (1, 2, 5))
# Of a bar and between groups of them.
BAR_HEIGHT, GROUP_GAP = 8, 10


@dataclass(frozen=True)
class Series:
    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Axis:
    """Values to pixels. A logarithmic one begins and ends at 1, 2 or 5 times a power of ten."""

    label: str
    is_log: bool
    low: float
    high: float

    @staticmethod
    def fitting(label: str, values: Sequence[float], is_log: bool) -> "Axis":
        if is_log:
            positive = [value for value in values if value > 0] or [1.0]
            low = max(step for step in ROUND if step <= min(positive) * 1.001)
            high = min(step for step in ROUND if step >= max(positive) * 0.999)
            return Axis(label, True, low, high if high > low else low * 10)
        step = _step(max(values, default=1.0) or 1.0)
        return Axis(label, False, 0, step * math.ceil((max(values, default=1.0) or 1.0) / step))

    def share(self, value: float) -> float:
        """0 at the low end, 1 at the high end."""
        if self.is_log:
            value = max(value, self.low)
            return float(math.log(value / self.low) / math.log(self.high / self.low))
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        if self.is_log:
            within = [step for step in ROUND if self.low <= step <= self.high]
            tens = [step for step in within if f"{step:e}"[0] == "1"]
            return tens if len(tens) > 3 else within
        step = _step(self.high)
        return [step * index for index in range(round(self.high / step) + 1)]


def _step(high: float) -> float:
    """A round distance that gives four to ten ticks."""
    power: float = 10.0 ** math.floor(math.log10(high))
    return next(power * part for part in (0.1, 0.2, 0.5, 1.0) if high / (power * part) <= 10)


def _label(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def plot(
    title: str, x_label: str, y_label: str, series: Sequence[Series], log_x: bool, log_y: bool
) -> str:
    """One plot as a whole SVG document."""
    points = [point for line in series for point in line.points]
    x_axis = Axis.fitting(x_label, [point[0] for point in points], log_x)
    y_axis = Axis.fitting(y_label, [point[1] for point in points], log_y)
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x_at(value: float) -> float:
        return LEFT + x_axis.share(value) * inner_width

    def y_at(value: float) -> float:
        return TOP + (1 - y_axis.share(value)) * inner_height

    parts = _sheet(title, HEIGHT)
    parts += _grid(x_axis, y_axis, x_at, y_at)
    for index, line in enumerate(series):
        parts += _series(line, COLOURS[index % len(COLOURS)], index, x_at, y_at)
    return "\n".join(parts + ["</svg>"]) + "\n"


def _sheet(title: str, height: int) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#555">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="15" fill="#222">{escape(title)}</text>',
    ]


def _grid(
    x_axis: Axis, y_axis: Axis, x_at: Callable[[float], float], y_at: Callable[[float], float]
) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for tick in y_axis.ticks():
        at = y_at(tick)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{right}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{_label(tick)}</text>'
        )
    for tick in x_axis.ticks():
        at = x_at(tick)
        parts.append(f'<path d="M{at:.1f} {bottom}v5" stroke="#999"/>')
        parts.append(
            f'<text x="{at:.1f}" y="{bottom + 19}" text-anchor="middle">{_label(tick)}</text>'
        )
    parts.append(f'<path d="M{LEFT} {bottom}H{right}" stroke="#999"/>')
    middle_x, middle_y = (LEFT + right) / 2, (TOP + bottom) / 2
    parts.append(
        f'<text x="{middle_x}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x_axis.label)}</text>'
    )
    parts.append(
        f'<text transform="translate(18 {middle_y}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_axis.label)}</text>"
    )
    return parts


def _series(
    line: Series,
    colour: str,
    index: int,
    x_at: Callable[[float], float],
    y_at: Callable[[float], float],
) -> list[str]:
    ends = [f"{x_at(x):.1f} {y_at(y):.1f}" for x, y in line.points]
    parts = (
        [f'<path d="M{"L".join(ends)}" fill="none" stroke="{colour}" stroke-width="2"/>']
        if ends
        else []
    )
    for x, y in line.points:
        title = f"<title>{escape(line.name)}: {x:g}, {y:.4g}</title>"
        parts.append(
            f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3.5" fill="{colour}">{title}'
            "</circle>"
        )
    return parts + _legend(line.name, colour, index)


def _legend(name: str, colour: str, index: int) -> list[str]:
    top, left = TOP + 10 + 20 * index, WIDTH - RIGHT + 15
    return [
        f'<path d="M{left} {top}h18" stroke="{colour}" stroke-width="3"/>',
        f'<text x="{left + 24}" y="{top + 4}">{escape(name)}</text>',
    ]


def bars(
    title: str,
    x_label: str,
    names: Sequence[str],
    groups: Sequence[tuple[str, Sequence[Optional[float]]]],
) -> str:
    """Groups of lying bars, one of each name; a value that is not there leaves its place empty."""
    values = [value for _, group in groups for value in group if value is not None]
    axis = Axis.fitting(x_label, values, False)
    group_height = BAR_HEIGHT * len(names) + GROUP_GAP
    bottom = TOP + group_height * len(groups)
    height, inner_width = bottom + BOTTOM, WIDTH - LEFT - RIGHT
    parts = _sheet(title, height)
    for tick in axis.ticks():
        at = LEFT + axis.share(tick) * inner_width
        parts.append(f'<path d="M{at:.1f} {TOP}V{bottom}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{_label(tick)}</text>'
        )
    for index, (label, group) in enumerate(groups):
        top = TOP + group_height * index
        middle = top + group_height / 2 + 4
        parts.append(
            f'<text x="{LEFT - 6}" y="{middle:.1f}" text-anchor="end">{escape(label)}</text>'
        )
        for place, (name, value) in enumerate(zip(names, group)):
            if value is None:
                continue
            y = top + GROUP_GAP / 2 + BAR_HEIGHT * place
            parts.append(
                f'<rect x="{LEFT}" y="{y:.1f}" width="{axis.share(value) * inner_width:.1f}" '
                f'height="{BAR_HEIGHT - 1}" fill="{COLOURS[place % len(COLOURS)]}">'
                f"<title>{escape(label)}, {escape(name)}: {value:.3g}</title></rect>"
            )
    parts.append(
        f'<text x="{LEFT + inner_width / 2}" y="{height - 12}" text-anchor="middle">'
        f"{escape(x_label)}</text>"
    )
    for index, name in enumerate(names):
        parts += _legend(name, COLOURS[index % len(COLOURS)], index)
    return "\n".join(parts + ["</svg>"]) + "\n"
