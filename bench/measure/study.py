"""What every study has at hand: where results go, how to measure, which ports."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from . import load, machine
from .fleet import Fleet
from .processes import Processes
from .rounds import Plan, Recorder


@dataclass(frozen=True)
class Study:
    output: Path
    load_name: str
    plan: Plan
    modes: Sequence[str]
    base_port: int
    peer_names: Sequence[str]
    workload_names: Sequence[str]
    command: str

    @contextmanager
    def fleet(self) -> Iterator[Fleet]:
        """Servers that live as long as the block, with all that was started beside them."""
        with (
            TemporaryDirectory(prefix="keyway-measure-") as folder,
            Processes(Path(folder)) as processes,
        ):
            yield Fleet(processes, self.base_port)

    def recorder(self, name: str, fleet: Fleet) -> Recorder:
        return Recorder(
            self.output / f"{name}.jsonl",
            load.generator(self.load_name, fleet.processes.folder),
            self.plan,
        )

    def write(self, name: str, text: str) -> None:
        (self.output / name).write_text(text)

    def head(self, title: str, versions: dict[str, str]) -> str:
        """The beginning of every page: what was measured, on what, with which command."""
        facts: list[str] = [f"{key}: {value}" for key, value in machine.description().items()]
        facts += [f"{name} {version}" for name, version in versions.items() if version]
        return f"# {title}\n\nMade by `{self.command}`. {'; '.join(facts)}.\n\n"
