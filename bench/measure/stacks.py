"""Stacks that perf has sampled, and what each was about.

A stack belongs to the first group of which one of its functions is; deeper work comes first, so
that a wake-up inside of a send is a wake-up. Samples are taken by a timer: time with interrupts
turned off shows where they are turned on again, which is mostly the same group."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

KERNEL = "[kernel.kallsyms]"


@dataclass(frozen=True)
class Stack:
    """Innermost first: functions and the files that they are in."""

    pid: int
    functions: Sequence[str]
    files: Sequence[str]

    @property
    def is_in_kernel(self) -> bool:
        return self.files[0] == KERNEL


# Group and the kernel functions by which it is known, anywhere in the stack.
KERNEL_GROUPS: Sequence[tuple[str, str]] = (
    ("copying bytes in and out", r"_copy_(to|from)_iter|copy_user|rep_movs|skb_copy_datagram"),
    ("going to sleep, switching", r"__schedule|schedule_idle|finish_task_switch|do_nanosleep"),
    ("waking who waits", r"try_to_wake_up|ep_poll_callback|sock_def_readable|__wake_up"),
    ("packets coming in (inside of sends)", r"net_rx_action|tcp_v4_rcv|__netif_receive_skb"),
    ("TCP sends", r"tcp_sendmsg|__tcp_transmit_skb|tcp_write_xmit|__sys_sendto|__sys_sendmsg"),
    ("TCP receives", r"tcp_recvmsg|__sys_recvfrom|inet_recvmsg|sock_recvmsg"),
    ("splices", r"splice|pipe_"),
    ("polling", r"do_epoll|ep_poll|epoll_wait|epoll_ctl"),
    ("naps", r"nanosleep|sched_yield"),
    ("reads and writes", r"ksys_read|ksys_write|vfs_read|vfs_write|do_readv|do_writev"),
    ("memory", r"page_fault|do_madvise|do_mmap|munmap"),
    ("interrupts", r"sysvec_|asm_common_interrupt|irq_exit|__do_softirq|handle_softirqs"),
    ("entering and leaving the kernel", r"entry_SYSCALL|do_syscall_64|syscall_|__x64_sys"),
)
OTHER_KERNEL = "kernel, other"
# The same for a program's own functions, innermost only.
PROGRAM_GROUPS: Sequence[tuple[str, str]] = (
    ("memcpy", r"mem(cpy|move|cmp|set|chr)"),
    ("requests: parse, place, queue", r"[rR]equest|forward|[pP]lacement|7Hashing|CommandTable"),
    ("replies: find their ends, hand out", r"[rR]epl(y|ies)|answer|deliver"),
    ("the loop, sends and receives", r"6Worker|8Platform|clinux|^syscall$|flush|drain"),
)
OTHER_PROGRAM = "program, other"
PROGRAM = [*(name for name, _ in PROGRAM_GROUPS), OTHER_PROGRAM]
GROUPS = [*PROGRAM, *(name for name, _ in KERNEL_GROUPS), OTHER_KERNEL]
_KERNEL = [(name, re.compile(pattern)) for name, pattern in KERNEL_GROUPS]
_PROGRAM = [(name, re.compile(pattern)) for name, pattern in PROGRAM_GROUPS]
_FRAME = re.compile(r"^\s+[0-9a-f]+ (.*) \((.*)\)$")


def group_of(stack: Stack) -> str:
    if not stack.is_in_kernel:
        return next(
            (name for name, own in _PROGRAM if own.search(stack.functions[0])), OTHER_PROGRAM
        )
    calls = [name for name, file in zip(stack.functions, stack.files) if file == KERNEL]
    for name, own in _KERNEL:
        if any(own.search(call) for call in calls):
            return name
    return OTHER_KERNEL


def stacks(perf: str, path: str) -> Iterator[Stack]:
    """All samples of a file of perf record."""
    command = [perf, "script", "--no-demangle", "-i", path, "-F", "pid,ip,sym,dso"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        frames = [found for line in lines[1:] if (found := _FRAME.match(line))]
        if frames:
            functions, files = zip(*(frame.groups() for frame in frames))
            yield Stack(int(lines[0].split()[0]), functions, files)
