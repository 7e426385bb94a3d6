"""What is sent: the rows of the comparison, and the keys that have to be there for them."""

from dataclasses import dataclass, replace
from typing import Optional

KEY_COUNT = 100_000
VALUE_BYTES = 64


@dataclass(frozen=True)
class Workload:
    """One row. `rate_per_s` makes it an open loop: requests are due at fixed times, whatever the
    replies do."""

    name: str
    command: str
    clients: int = 50
    pipeline: int = 1
    value_bytes: int = VALUE_BYTES
    keys_per_command: int = 1
    key_prefix: str = "key:"
    key_count: int = KEY_COUNT
    rate_per_s: Optional[int] = None
    # How often each key is asked for, in keyway-bench's words.
    distribution: str = "uniform"

    @property
    def space(self) -> "KeySpace":
        return KeySpace(self.key_prefix, self.key_count, self.value_bytes)

    def changed(self, **changes: object) -> "Workload":
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class KeySpace:
    """Keys with values of one size."""

    prefix: str
    count: int
    value_bytes: int


def space_for(value_bytes: int) -> KeySpace:
    """Keys of this value size; together at most about 64 MB on each server."""
    if value_bytes == VALUE_BYTES:
        return KeySpace("key:", KEY_COUNT, VALUE_BYTES)
    count = max(4, min(1_000, (8 << 20) // value_bytes))
    return KeySpace(f"v{value_bytes}:", count, value_bytes)


def sized(name: str, command: str, value_bytes: int, clients: int) -> Workload:
    space = space_for(value_bytes)
    return Workload(
        name,
        command,
        clients=clients,
        value_bytes=value_bytes,
        key_prefix=space.prefix,
        key_count=space.count,
    )


def _rows() -> list[Workload]:
    rows = []
    for command in ("get", "set"):
        rows += [Workload(f"{command}-p{depth}", command, pipeline=depth) for depth in (1, 16, 64)]
        rows.append(Workload(f"{command}-c500", command, clients=500))
    rows.append(Workload("get-c1", "get", clients=1))
    rows += [Workload(f"mget{width}", "mget", keys_per_command=width) for width in (10, 100)]
    for label, value_bytes, clients in (("64k", 1 << 16, 50), ("1m", 1 << 20, 20)):
        rows += [
            sized(f"{command}-{label}", command, value_bytes, clients) for command in ("set", "get")
        ]
    rows.append(Workload("lat-1k", "get", clients=10, rate_per_s=1_000))
    return rows


ROWS: list[Workload] = _rows()
BY_NAME: dict[str, Workload] = {row.name: row for row in ROWS}
