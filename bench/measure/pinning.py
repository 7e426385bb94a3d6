"""Where things run. On a small machine this decides more than anything else, so it is part of every
result.

pair   the proxy and its servers on CPU 0, the load on CPU 1: CPU 0 is the bottleneck, so the rate
       follows what proxy and servers cost together. What counts is the length of the proxy's path.
split  the proxy alone on CPU 0, servers and load on CPU 1: the proxy is not saturated. What counts
       is how well it gathers requests.
free   nothing is pinned.
"""

import os
from typing import Optional

from . import machine
from .peers import Target

MODES = ("pair", "split", "free")


def require_cpus() -> None:
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("pair and split need two CPUs; this machine has one: use --pin free")


def place(target: Target, mode: str) -> Optional[set[int]]:
    """Pins the target and its servers.

    Returns: the CPUs for the load; None for any.
    """
    if mode == "free":
        for pid in [target.pid] + target.backend_pids:
            machine.pin(pid, None)
        return None
    machine.pin(target.pid, {0})
    for pid in target.backend_pids:
        machine.pin(pid, {0} if mode == "pair" else {1})
    return {1}
