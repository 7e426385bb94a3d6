// PlayedSocket: the test's end of one of Keyway's connections. It never blocks: what the kernel does not take waits.
// It can tell how many TCP segments with data went over the connection.
// Not here: what is sent and expected (PlayedClient, PlayedServer).

import Glibc
import TestKit

final class PlayedSocket {
    let descriptor: Int32
    private var outbox: [[UInt8]] = []
    /// Bytes of the first of them that are sent.
    private var sentBytes = 0

    init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    }

    deinit { close(descriptor) }

    var wantsToSend: Bool { !outbox.isEmpty }

    /// Pieces are sent one by one; short ones should come together, as a real peer would send them.
    func send(_ pieces: [[UInt8]]) throws {
        outbox += pieces
        try flush()
    }

    func flush() throws {
        while let piece = outbox.first {
            let count = piece.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sentBytes, $0.count - sentBytes, Int32(MSG_NOSIGNAL))
            }
            if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
            guard count > 0 else { throw ChildFailure("keyway does not take what it is sent: errno \(errno)") }
            sentBytes += count
            if sentBytes == piece.count {
                outbox.removeFirst()
                sentBytes = 0
            }
        }
    }

    /// What has come, up to the size of `scratch`; nil when the other side has closed.
    func receive(into scratch: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer? {
        let count = recv(descriptor, scratch.baseAddress, scratch.count, 0)
        if count < 0 && (errno == EAGAIN || errno == EINTR) { return UnsafeRawBufferPointer(rebasing: scratch[..<0]) }
        return count > 0 ? UnsafeRawBufferPointer(rebasing: scratch[..<count]) : nil
    }

    /// Segments with data over this connection so far, both ways. Those without depend on how long a peer took, for an
    /// acknowledgement that waits 40 ms goes out alone.
    ///
    /// Source: `struct tcp_info` of <linux/tcp.h>, longer than the one of <netinet/tcp.h>: tcpi_data_segs_in at byte
    /// 152, tcpi_data_segs_out behind it.
    var segmentCount: Int {
        var info = [UInt32](repeating: 0, count: 64)
        var sizeBytes = socklen_t(info.count * 4)
        precondition(getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &sizeBytes) == 0 && sizeBytes >= 160)
        return Int(info[38]) + Int(info[39])
    }
}
