// Clock: monotonic time. The worker reads it once a tick and hands the number on; nobody below reads it again.
// Wall-clock time is for people only: nothing is decided by it.

import Glibc

package enum Clock {
    /// Nanoseconds since some fixed moment; never goes back, never jumps with the wall clock.
    package static func nowNs() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// Milliseconds since 1970, for people.
    package static func unixMs() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
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
