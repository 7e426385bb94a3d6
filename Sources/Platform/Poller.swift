// Poller: which descriptors are ready. Level-triggered epoll: what is not served now is reported again.
// A descriptor is watched for reading always unless paused, for writing only after a write found no room.
// Not here: what to do with a ready descriptor (the worker), naps (Pacer).

import CLinux
import Glibc

/// What a descriptor is watched for. Errors and hang-ups are reported always.
public struct Interest: OptionSet, BitwiseCopyable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let read = Interest(rawValue: 0x001)
    public static let write = Interest(rawValue: 0x004)
    /// The other side will send no more; reported as broken.
    public static let end = Interest(rawValue: 0x2000)
}

/// One ready descriptor.
public struct Readiness: BitwiseCopyable {
    /// The word that was given to `watch`.
    public let tag: UInt64
    let bits: UInt32

    public var isReadable: Bool { bits & 0x001 != 0 }
    public var isWritable: Bool { bits & 0x004 != 0 }
    /// The connection is broken, or both sides have ended; with the interest `end`, the other side.
    public var isBroken: Bool { bits & 0x2018 != 0 }
}

package struct Poller: ~Copyable {
    private static let eventCountMax = 512

    private let epoll: Int32
    private let events: UnsafeMutablePointer<epoll_event>

    package init() throws(SystemError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemError("epoll_create1") }
        events = .allocate(capacity: Self.eventCountMax)
    }

    deinit {
        close(epoll)
        events.deallocate()
    }

    package func watch(_ descriptor: Int32, _ interest: Interest, tag: UInt64) throws(SystemError) {
        var event = epoll_event()
        event.events = interest.rawValue
        event.data.u64 = tag
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else { throw SystemError("epoll_ctl") }
    }

    package func change(_ descriptor: Int32, _ interest: Interest, tag: UInt64) {
        var event = epoll_event()
        event.events = interest.rawValue
        event.data.u64 = tag
        let result = epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event)
        precondition(result == 0, "Poller: a descriptor that is not watched was changed")
    }

    package func forget(_ descriptor: Int32) {
        var event = epoll_event()
        epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event)
    }

    /// Waits for ready descriptors.
    ///
    /// - Parameter timeoutMs: 0 returns at once, nil waits for ever.
    /// - Returns: how many are ready; read them with `readiness(at:)` before the next wait.
    package func wait(timeoutMs: Int?) -> Int {
        let count = epoll_wait(
            epoll, events, Int32(Self.eventCountMax), timeoutMs.map { Int32(clamping: $0) } ?? -1)
        precondition(count >= 0 || clinux_errno() == EINTR, "Poller: epoll_wait failed")
        return max(0, Int(count))
    }

    /// As above, and exact where the thread's naps are (`WorkerThread.setExactNaps`).
    package func wait(timeoutNs: UInt64) -> Int {
        let count = clinux_epoll_wait_ns(epoll, events, Int32(Self.eventCountMax), timeoutNs)
        precondition(count >= 0 || clinux_errno() == EINTR, "Poller: epoll_pwait2 failed")
        return max(0, Int(count))
    }

    package func readiness(at index: Int) -> Readiness {
        Readiness(tag: events[index].data.u64, bits: events[index].events)
    }
}
