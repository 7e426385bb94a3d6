"""The processes of readers and the one of writers, so that none waits for another's interpreter.

A process is told by a pipe to begin a chapter and to end it, and answers with what it has kept.
"""

import ctypes
import multiprocessing
import signal
import threading
from dataclasses import dataclass, field

from .history import ClientNumbers, Read, Write
from .plan import Chapter
from .readers import THREAD_COUNT as READER_COUNT
from .readers import Reader
from .writers import THREAD_COUNT as WRITER_COUNT
from .writers import Versions, Writer

READER_PROCESS_COUNT = 2


@dataclass
class Harvest:
    """What clients have kept of a chapter."""

    reads: list[Read] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    error_count: int = 0


def _serve(pipe, make_clients) -> None:
    """Chapters until the pipe ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    numbers = ClientNumbers()
    try:
        while True:
            chapter, stop = pipe.recv(), threading.Event()
            clients = make_clients(chapter, numbers, stop)
            for client in clients:
                client.start()
            pipe.recv()
            stop.set()
            for client in clients:
                client.join()
            pipe.send(Harvest(
                [read for client in clients for read in client.reads],
                [write for client in clients for write in getattr(client, "writes", ())],
                sum(client.error_count for client in clients)))
    except EOFError:
        pass


def _serve_readers(pipe, first: int) -> None:
    _serve(pipe, lambda chapter, numbers, stop: [
        Reader(chapter, first + index, numbers, stop) for index in range(READER_COUNT)])


def _serve_writers(pipe) -> None:
    versions = Versions()

    def make(chapter: Chapter, numbers: ClientNumbers, stop: threading.Event) -> list[Writer]:
        versions.add(chapter.keys)
        return [Writer(chapter, index, versions, numbers, stop) for index in range(WRITER_COUNT)]

    _serve(pipe, make)


class Crew:
    """All of them."""

    def __init__(self):
        context = multiprocessing.get_context("spawn")
        self.pipes = []
        jobs = [(_serve_readers, (index * READER_COUNT,)) for index in range(READER_PROCESS_COUNT)]
        for serve, arguments in [*jobs, (_serve_writers, ())]:
            ours, theirs = context.Pipe()
            context.Process(target=serve, args=(theirs, *arguments), daemon=True).start()
            theirs.close()
            self.pipes.append(ours)

    def begin(self, chapter: Chapter) -> None:
        for pipe in self.pipes:
            pipe.send(chapter)

    def end(self) -> Harvest:
        """Stops all; returns when everybody has been answered."""
        for pipe in self.pipes:
            pipe.send(None)
        parts = [pipe.recv() for pipe in self.pipes]
        return Harvest([read for part in parts for read in part.reads],
                       [write for part in parts for write in part.writes], sum(part.error_count for part in parts))
