// Clock: monotonic time. The worker reads it once a tick and hands the number on; nobody below reads it again.
// Not here: wall-clock time, which only logs and replies to people use.

import Glibc

package enum Clock {
    /// Nanoseconds since some fixed moment; never goes back, never jumps with the wall clock.
    package static func nowNs() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// CPU time of the calling thread.
    package static func threadCPUNs() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// Lets whoever else wants this core go first; returns at once where nobody does.
    package static func yield() { sched_yield() }

    package static func nap(microseconds: Int) {
        var time = timespec(tv_sec: microseconds / 1_000_000, tv_nsec: microseconds % 1_000_000 * 1_000)
        nanosleep(&time, nil)
    }
}
