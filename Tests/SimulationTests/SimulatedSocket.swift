// SimulatedSocket: one connection of the engine to a client or to a backend; two bounded queues of bytes.
//
//     peer ── toEngine ──► engine          engine ── toPeer ──► peer
//
// Not here: when it is served (SimulatedKernel), what its peer does (SimulatedClient, SimulatedBackend).

import Platform
import Upstream

@testable import Session

final class SimulatedSocket {
    /// What the peer did to the connection.
    enum End { case none, finished, reset }

    private(set) var descriptor: Int32
    /// The kernel that has it, by its number in the run; -1 while it is on its way from one to the next.
    private(set) var worker: Int
    /// Counts the sockets of a run, where descriptors are used again.
    let number: Int
    /// Bytes that each direction holds.
    var sizeBytes: Int
    var toEngine = ByteQueue()
    var toPeer = ByteQueue()
    var end = End.none
    /// The peer is gone without having read: what comes for it is answered with a reset.
    var isAbandoned = false
    var isClosedByEngine = false
    var frozenUntilMs: UInt64 = 0
    /// Of a connection to a backend on its way: when it is decided, and the errno, 0 for success.
    var connectedAtMs: UInt64 = 0
    var connectResult: Int32 = 0

    var client: ClientRef?
    var line: LineRef?

    init(number: Int, sizeBytes: Int) {
        descriptor = -1
        worker = -1
        self.number = number
        self.sizeBytes = sizeBytes
    }

    func come(to worker: Int, descriptor: Int32) {
        self.worker = worker
        self.descriptor = descriptor
    }

    /// What the worker closes is not the connection any more.
    func leaveWorker() {
        worker = -1
        client = nil
    }

    var roomToPeer: Int { max(0, sizeBytes - toPeer.count) }
    var roomToEngine: Int { max(0, sizeBytes - toEngine.count) }

    /// Of a connection to a backend: there is nothing on its way to the server.
    var isReadOut: Bool { toPeer.isEmpty && !isClosedByEngine && line?.pointee.out.isEmpty == true }

    /// - Parameter keepsBytes: what the peer has sent can still be read.
    func reset(keepsBytes: Bool) {
        end = .reset
        if !keepsBytes { toEngine.removeAll() }
    }
}
