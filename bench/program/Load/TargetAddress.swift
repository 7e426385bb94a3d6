// TargetAddress: from a target's place to the one address that all connections go to.
// A name may stand for several addresses; the first that accepts a connection is taken, so that `localhost` works with
// a server that listens on one of the two loopbacks only.
// Not here: the load's own connections (LoadThread+Connections).

import Platform

enum TargetAddress {
    static func find(_ target: Target, timeoutNs: UInt64) throws(LoadError) -> SocketAddress {
        var reason = ""
        for address in try addresses(of: target) {
            do throws(SystemError) {
                Socket.close(try Socket.connect(to: address, deadlineNs: Clock.nowNs() + timeoutNs))
                return address
            } catch {
                if reason.isEmpty { reason = error.description }
            }
        }
        throw LoadError(
            description:
                "\(target.label): \(reason); nothing was measured; is the server running, and is this its place?")
    }

    private static func addresses(of target: Target) throws(LoadError) -> [SocketAddress] {
        switch target.place {
        case .unix(let path):
            guard let address = SocketAddress(unixPath: path) else {
                throw LoadError(description: "\(target.label): the path of a unix socket has 1 to 107 bytes: \(path)")
            }
            return [address]
        case .tcp(let host, let port):
            do throws(ResolveError) {
                return try SocketAddress.resolve(host: host, port: port)
            } catch {
                throw LoadError(description: "\(target.label): \(error.description); nothing was measured")
            }
        }
    }
}
