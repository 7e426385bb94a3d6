"""The processes under test: two servers that keep a log, and one or two Keyways with two workers each, to which keys
are hot as soon as somebody reads them, and stay so although they are written.
"""

import random
from pathlib import Path

from endurance import fleet as endurance

SHARD_COUNT = 2
LEASE_MS = 100

CONFIG = """keyway:
  workers: 2
  pacing: {pacing}
coherence:
  listen: 127.0.0.1:{port}
  hash: md5
  hash_tag: "{{}}"
  distribution: ketama
  preconnect: true
  timeout: 1500
  server_connections: {connections}
  reconnect_backoff_max: 200
  breaker_open: 100
  breaker_open_max: 400
  breaker_trickle: 200
  health_check_interval: 500
  hot_keys: {mode}
  hot_key_rate: 50
  hot_key_share: 0
  hot_key_reads_per_write: 0
  hot_key_lease: {lease_ms}
  servers:
{servers}"""


class Keyway(endurance.Keyway):
    """`mode` is the setting `hot_keys` of all."""

    mode = "cache"

    def __init__(self, program: str, folder: Path, number: int, wire_ports: list[int], source: random.Random):
        servers = "".join(f"    - 127.0.0.1:{wire}:1 shard{index}\n" for index, wire in enumerate(wire_ports))
        self.start(program, folder, number, CONFIG.format(
            pacing=source.choice(["auto", "off"]), port=endurance.free_port(), servers=servers, lease_ms=LEASE_MS,
            mode=self.mode, connections=source.randint(1, 2)))


class Fleet(endurance.Fleet):
    shard_count = SHARD_COUNT
    keyway_type = Keyway

    def metrics(self) -> dict[str, int]:
        """Keyway's numbers, of all of them together."""
        sums: dict[str, int] = {}
        for keyway in self.keyways:
            for line in self.ask(keyway, b"INFO", b"keyway").decode().splitlines():
                name, _, value = line.partition(":")
                if name.startswith("keyway_") and value.isdigit():
                    sums[name] = sums.get(name, 0) + int(value)
        return sums
