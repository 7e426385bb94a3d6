// Sockets: connected sockets for the tests of this room, closed with their owner.

import Glibc

@testable import Platform

/// Both ends of a loopback connection; neither blocks.
final class Connection {
    let near: Int32
    let far: Int32
    private var isNearOpen = true
    private var isFarOpen = true

    init(_ address: SocketAddress = loopback()) throws {
        let listener = try Socket.listen(on: address, backlog: 1, sharesPort: false)
        defer { Socket.close(listener) }
        near = try Socket.connect(to: Socket.localAddress(of: listener)!, deadlineNs: soonNs())
        far = try acceptOne(listener)
    }

    deinit {
        closeNear()
        closeFar()
    }

    func closeNear() {
        if isNearOpen { Socket.close(near) }
        isNearOpen = false
    }

    func closeFar() {
        if isFarOpen { Socket.close(far) }
        isFarOpen = false
    }
}

struct NobodyCame: Error {}

/// Far enough away for the slowest machine.
func soonNs() -> UInt64 { Clock.nowNs() + 20_000_000_000 }

func loopback() -> SocketAddress { try! SocketAddress.resolve(host: "127.0.0.1", port: 0, numericOnly: true)[0] }

func acceptOne(_ listener: Int32) throws -> Int32 {
    guard Socket.wait(listener, until: .readable, deadlineNs: soonNs()),
        case .client(let client) = Socket.accept(listener)
    else { throw NobodyCame() }
    return client
}

/// Everything until the other side ends.
func receiveAll(_ descriptor: Int32) -> [UInt8]? {
    var bytes: [UInt8] = []
    while let part = Socket.receive(descriptor, countMax: 65_536, deadlineNs: soonNs()) {
        if part.isEmpty { return bytes }
        bytes += part
    }
    return nil
}

func send(_ descriptor: Int32, _ bytes: [UInt8]) -> SocketOutcome {
    bytes.withUnsafeBytes { Socket.send(descriptor, $0.baseAddress!, count: $0.count) }
}

func receive(_ descriptor: Int32, countMax: Int = 100) -> SocketOutcome {
    var buffer = [UInt8](repeating: 0, count: countMax)
    return Socket.receive(descriptor, into: &buffer, count: countMax)
}
