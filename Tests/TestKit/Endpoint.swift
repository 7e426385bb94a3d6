// Endpoint: where something listens, a loopback TCP port or a unix socket; and free ports to listen on.
// Ports come from below the range that the kernel gives to outgoing connections, so that a port handed
// out here is not taken by a client of another test before its server listens.

package import Glibc
import Synchronization

package enum Endpoint: Hashable, Sendable, CustomStringConvertible {
    case tcp(port: Int)
    case unix(path: String)

    package var port: Int {
        guard case .tcp(let port) = self else { preconditionFailure("\(self) has no port") }
        return port
    }

    /// As it is written in a config file: `127.0.0.1:7000` or `/path`.
    package var description: String {
        switch self {
        case .tcp(let port): "127.0.0.1:\(port)"
        case .unix(let path): path
        }
    }
}

extension Endpoint {
    private static let portRange = 12_000..<28_000
    private static let nextPort = Mutex<Int>(portRange.lowerBound + Int(getpid()) * 37 % portRange.count)

    /// Keyway's own ports when nobody says otherwise.
    private static let defaultPorts = [22_121, 22_222]

    package static func freeTCP() -> Endpoint {
        for _ in portRange {
            let port = nextPort.withLock { port in
                port = portRange.contains(port + 1) ? port + 1 : portRange.lowerBound
                return port
            }
            if !defaultPorts.contains(port), isFree(port) { return .tcp(port: port) }
        }
        preconditionFailure("no free TCP port in \(portRange)")
    }

    private static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        return withSocketAddress(.tcp(port: port)) { bind(descriptor, $0, $1) == 0 }
    }

    /// Calls `body` with the endpoint as the kernel wants it.
    package static func withSocketAddress<Result>(
        _ endpoint: Endpoint, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        switch endpoint {
        case .tcp(let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            return withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        case .unix(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            precondition(bytes.count < MemoryLayout.size(ofValue: address.sun_path), "socket path too long: \(path)")
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
            return withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
    }
}
