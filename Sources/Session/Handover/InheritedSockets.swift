// InheritedSockets: listening sockets that this process was given instead of opening them: by the Keyway whose place it
// takes, or by systemd. Found by their address; each is taken once.
// Not here: how they came (Handover, the program), who accepts on them (Worker).

package import Platform

package struct InheritedSockets: Sendable {
    private var sockets: [(address: SocketAddress, descriptor: Int32)]

    package init(_ descriptors: [Int32] = []) {
        sockets = descriptors.compactMap { descriptor in
            Socket.localAddress(of: descriptor).map { ($0, descriptor) }
        }
    }

    /// All that listen at `address`, one or several.
    package mutating func take(_ address: SocketAddress) -> [Int32] {
        let found = sockets.filter { $0.address.text == address.text }.map(\.descriptor)
        sockets.removeAll { $0.address.text == address.text }
        return found
    }

    /// Closes those that nobody took.
    ///
    /// - Returns: where they listened.
    package mutating func closeRest() -> [String] {
        defer { sockets = [] }
        for socket in sockets { Socket.close(socket.descriptor) }
        return sockets.map(\.address.text)
    }
}
