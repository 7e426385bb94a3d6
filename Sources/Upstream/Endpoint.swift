// Endpoint: where one server is, as configured.
// A shard has one today; only Upstream knows that.
// Not here: sockets (Platform), which keys live there (Routing).

package import Platform

package enum Endpoint: Sendable, Equatable {
    case tcp(host: String, port: Int)
    case unix(path: String)

    /// The address, where no name has to be looked up; nil otherwise.
    package var numericAddress: SocketAddress? {
        switch self {
        case .unix(let path): SocketAddress(unixPath: path)
        case .tcp(let host, let port):
            try? SocketAddress.resolve(host: host, port: port, numericOnly: true).first
        }
    }

    /// Looks a host name up; blocks, so never call it on a worker.
    ///
    /// - Parameter attempt: failures so far. A name with several addresses gives them in turn, so that `localhost`
    /// finds a
    ///   server that listens on only one of its two.
    package func resolve(attempt: Int = 0) throws(ResolveError) -> SocketAddress {
        let addresses = try addresses()
        return addresses[attempt % addresses.count]
    }

    /// All that a look-up gives, at least one; blocks like `resolve`.
    package func addresses() throws(ResolveError) -> [SocketAddress] {
        switch self {
        case .unix(let path):
            guard let address = SocketAddress(unixPath: path) else {
                throw ResolveError(host: path, reason: "a unix socket's path has 1 to 107 bytes")
            }
            return [address]
        case .tcp(let host, let port): return try SocketAddress.resolve(host: host, port: port)
        }
    }

    /// `10.0.0.7:6379`, `[::1]:6379` or `/run/valkey.sock`.
    package var text: String {
        switch self {
        case .unix(let path): path
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}
