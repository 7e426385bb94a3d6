// Wakeup: one thread rouses another that waits in its Poller.
// Not here: the message itself, which its sender has put somewhere before it calls `signal`.

import CLinux
import Glibc

package final class Wakeup: Sendable {
    package let descriptor: Int32

    package init() throws(SystemError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("eventfd") }
    }

    deinit { close(descriptor) }

    package func signal() {
        var one: UInt64 = 1
        write(descriptor, &one, MemoryLayout<UInt64>.size)
    }

    /// Call before the messages are read: a signal that comes in between is then not lost.
    package func clear() {
        var count: UInt64 = 0
        read(descriptor, &count, MemoryLayout<UInt64>.size)
    }
}
