// DescriptorChannel: messages between two processes of one machine, each with a descriptor beside it or none.
//
//     | 4 bytes: size of what follows | 1 byte: kind | 1 byte: has a descriptor | 2 bytes: 0 | the message ... |
//
// The descriptor travels with the first of the eight bytes. Calls wait, so this is for threads that may; one thread
// at a time sends, and one receives. The channel owns its socket, not the descriptors that it carries: a sent one is
// still the sender's to close, a received one is the receiver's.
// Not here: what the messages say (Session/Handover).

import Glibc

package final class DescriptorChannel: Sendable {
    package struct Message: Sendable {
        package let kind: UInt8
        package let bytes: [UInt8]
        /// The receiver's to close.
        package let descriptor: Int32?
    }

    package let socket: Int32
    private static let headerSizeBytes = 8
    /// Of one message; a peer that says more is not ours.
    package static let messageSizeBytesMax = 1 << 30

    /// - Parameter socket: of `pair()`; blocking. Belongs to the channel from now on.
    package init(socket: Int32) { self.socket = socket }

    deinit { Socket.close(socket) }

    /// Two connected sockets, both closed by exec.
    package static func pair() throws(SystemError) -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw SystemError("socketpair")
        }
        return (ends[0], ends[1])
    }

    /// Sends and receives that have waited so long fail.
    package func setTimeout(seconds: Int) {
        for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
            var time = timeval(tv_sec: seconds, tv_usec: 0)
            setsockopt(socket, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// - Throws: when the other end is gone or does not read.
    package func send(kind: UInt8, _ bytes: [UInt8] = [], descriptor: Int32? = nil) throws(SystemError) {
        precondition(bytes.count <= Self.messageSizeBytesMax)
        let size = UInt32(bytes.count)
        let sizeBytes = (0..<4).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
        let header = sizeBytes + [kind, descriptor == nil ? 0 : 1, 0, 0]
        try send(header, beside: descriptor ?? -1)
        if !bytes.isEmpty { try send(bytes, beside: -1) }
    }

    private func send(_ bytes: [UInt8], beside descriptor: Int32) throws(SystemError) {
        var sentCount = 0
        while sentCount < bytes.count {
            let result = bytes.withUnsafeBytes {
                sendBytes(
                    socket, $0.baseAddress! + sentCount, bytes.count - sentCount,
                    beside: sentCount == 0 ? descriptor : -1)
            }
            if result >= 0 {
                sentCount += result
                continue
            }
            let number = lastErrorNumber()
            // Too many descriptors are on their way: the receiver takes them.
            if number == ETOOMANYREFS {
                Clock.nap(microseconds: 1_000)
            } else if number != EINTR {
                throw SystemError("send to the other process", number)
            }
        }
    }

    /// - Returns: nil when the other end has closed between two messages.
    /// - Throws: when it has closed within one, or sent what is none.
    package func receive() throws(SystemError) -> Message? {
        var descriptor: Int32 = -1
        guard let header = try receive(count: Self.headerSizeBytes, beside: &descriptor) else { return nil }
        let size = (0..<4).reduce(0) { $0 | Int(header[$1]) << (8 * $1) }
        guard size <= Self.messageSizeBytesMax, (header[5] == 1) == (descriptor >= 0) else {
            if descriptor >= 0 { Socket.close(descriptor) }
            throw SystemError("receive from the other process", EPROTO)
        }
        var none: Int32 = -1
        let bytes = size == 0 ? [] : try receive(count: size, beside: &none)
        guard let bytes else {
            if descriptor >= 0 { Socket.close(descriptor) }
            throw SystemError("receive from the other process", ECONNRESET)
        }
        return Message(kind: header[4], bytes: bytes, descriptor: descriptor >= 0 ? descriptor : nil)
    }

    /// - Returns: nil when the other end had closed before the first byte.
    private func receive(count: Int, beside descriptor: inout Int32) throws(SystemError) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var receivedCount = 0
        while receivedCount < count {
            var came: Int32 = -1
            let offset = receivedCount
            let result = bytes.withUnsafeMutableBytes {
                receiveBytes(socket, $0.baseAddress! + offset, count - offset, beside: &came)
            }
            if came >= 0 { descriptor = came }
            if result > 0 {
                receivedCount += result
            } else if result == 0 {
                if receivedCount == 0 { return nil }
                throw SystemError("receive from the other process", ECONNRESET)
            } else if lastErrorNumber() != EINTR {
                throw SystemError("receive from the other process", lastErrorNumber())
            }
        }
        return bytes
    }
}
