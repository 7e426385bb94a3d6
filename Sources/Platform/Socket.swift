// Socket: the system calls on sockets, one small function each.
// EINTR is handled here; an errno that only a bug of ours can cause traps here. What a peer or the machine can cause
// is returned. Descriptors are plain numbers: the client or line that holds one closes it, exactly once.
// Not here: readiness (Poller), who is connected to whom (Session, Upstream).

package import Glibc

/// What a read or a write came to.
package enum SocketOutcome: Equatable {
    case bytes(Int)
    /// The kernel has no bytes, or no room, at the moment.
    case wouldBlock
    /// The kernel has no memory for it at the moment, which is no fault of the peer; the number is an errno. It tells
    /// nobody when it has: to be tried again, but not at once for ever.
    case noMemory(Int32)
    /// The peer will send no more. Only reads end.
    case ended
    /// The connection is of no more use; the number is an errno.
    case failed(Int32)
}

/// A system call that did not do its work; `description` says which and why.
package struct SystemError: Error, CustomStringConvertible {
    package let call: String
    package let number: Int32

    package init(_ call: String, _ number: Int32) {
        self.call = call
        self.number = number
    }

    /// With the number that the last system call of this thread left.
    package init(_ call: String) { self.init(call, lastErrorNumber()) }

    package var description: String { "\(call): \(Self.text(number))" }

    package static func text(_ number: Int32) -> String { String(cString: strerror(number)) }
}

/// Where a socket listens or connects to, as the kernel wants it.
package struct SocketAddress: Sendable, Equatable {
    package private(set) var storage: [UInt8]
    package let family: Int32

    /// A unix socket. Nil when the path is empty or longer than the kernel's 107 bytes.
    package init?(unixPath: String) {
        var address = sockaddr_un()
        let path = Array(unixPath.utf8)
        guard (1..<MemoryLayout.size(ofValue: address.sun_path)).contains(path.count), !path.contains(0) else {
            return nil
        }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        storage = withUnsafeBytes(of: &address) { Array($0) }
        family = AF_UNIX
    }

    package init(copying address: UnsafePointer<sockaddr>, sizeBytes: Int) {
        storage = Array(UnsafeRawBufferPointer(start: address, count: sizeBytes))
        // Every sockaddr begins with its family.
        family = Int32(storage.withUnsafeBytes { $0.load(as: sa_family_t.self) })
    }

    /// Looks `host` up; blocks when it is a name and not a number.
    ///
    /// - Returns: at least one address, in the resolver's order.
    /// - Throws: the resolver's own words.
    package static func resolve(
        host: String, port: Int, numericOnly: Bool = false
    ) throws(ResolveError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV | (numericOnly ? AI_NUMERICHOST : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else { throw ResolveError(host: host, reason: String(cString: gai_strerror(result))) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let info = next {
            addresses.append(SocketAddress(copying: info.pointee.ai_addr, sizeBytes: Int(info.pointee.ai_addrlen)))
            next = info.pointee.ai_next
        }
        return addresses
    }

    package func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        storage.withUnsafeBytes { bytes in
            // The bytes were copied out of a sockaddr of this family.
            body(bytes.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t(bytes.count))
        }
    }

    /// `127.0.0.1:6379`, `[::1]:6379` or `/path`.
    package var text: String {
        if family == AF_UNIX {
            let path = storage.dropFirst(MemoryLayout<sa_family_t>.size).prefix { $0 != 0 }
            return path.isEmpty ? "unix" : String(decoding: path, as: UTF8.self)
        }
        guard let (host, port) = numericNames else { return "?" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Nil for a unix socket.
    package var hostAndPort: (host: String, port: Int)? {
        guard family != AF_UNIX, let (host, port) = numericNames, let number = Int(port) else { return nil }
        return (host, number)
    }

    private var numericNames: (host: String, port: String)? {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let result = withPointer { pointer, size in
            getnameinfo(
                pointer, size, &host, socklen_t(host.count), &port, socklen_t(port.count),
                NI_NUMERICHOST | NI_NUMERICSERV)
        }
        return result == 0 ? (Self.text(host), Self.text(port)) : nil
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

package struct ResolveError: Error, CustomStringConvertible, Sendable {
    package let host: String
    package let reason: String

    package init(host: String, reason: String) {
        self.host = host
        self.reason = reason
    }

    package var description: String { "cannot find the address of \(host): \(reason)" }
}

package enum Socket {
    // MARK: Bytes

    package static func receive(
        _ descriptor: Int32, into buffer: UnsafeMutablePointer<UInt8>, count: Int
    ) -> SocketOutcome {
        while true {
            let result = receiveBytes(descriptor, buffer, count)
            if result > 0 { return .bytes(result) }
            if result == 0 { return .ended }
            if let outcome = outcome(of: lastErrorNumber()) { return outcome }
        }
    }

    package static func send(_ descriptor: Int32, _ bytes: UnsafeRawPointer, count: Int) -> SocketOutcome {
        while true {
            let result = sendBytes(descriptor, bytes, count)
            if result >= 0 { return .bytes(result) }
            if let outcome = outcome(of: lastErrorNumber()) { return outcome }
        }
    }

    package static func send(_ descriptor: Int32, vectors: UnsafeMutablePointer<iovec>, count: Int) -> SocketOutcome {
        if count == 1 { return send(descriptor, vectors[0].iov_base, count: vectors[0].iov_len) }
        while true {
            let result = sendVectors(descriptor, vectors, count)
            if result >= 0 { return .bytes(result) }
            if let outcome = outcome(of: lastErrorNumber()) { return outcome }
        }
    }

    /// Nil: interrupted, try again. EBADF, EFAULT, EINVAL and ENOTSOCK are bugs of ours.
    private static func outcome(of number: Int32) -> SocketOutcome? {
        switch number {
        case EINTR: return nil
        case EAGAIN: return .wouldBlock
        case ENOBUFS, ENOMEM: return .noMemory(number)
        case EBADF, EFAULT, EINVAL, ENOTSOCK:
            preconditionFailure("Socket: \(SystemError.text(number)) on a descriptor that should be good")
        default: return .failed(number)
        }
    }

    // MARK: Connecting

    /// Starts to connect; the socket becomes writable when it is connected or has failed (`error(of:)` tells).
    package static func connect(to address: SocketAddress) throws(SystemError) -> Int32 {
        let descriptor = socket(address.family, streamType, 0)
        guard descriptor >= 0 else { throw SystemError("socket") }
        if address.family != AF_UNIX { setNoDelay(descriptor) }
        let result = address.withPointer { Glibc.connect(descriptor, $0, $1) }
        let number = lastErrorNumber()
        // Interrupted, it goes on by itself.
        if result == 0 || number == EINPROGRESS || number == EINTR { return descriptor }
        close(descriptor)
        throw SystemError("connect to \(address.text)", number)
    }

    /// The error that a connecting socket ended with; 0 for none.
    package static func error(of descriptor: Int32) -> Int32 {
        var number: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size)
        return number
    }

    /// Another descriptor of the same socket, closed by exec.
    package static func duplicate(_ descriptor: Int32) throws(SystemError) -> Int32 {
        let copy = duplicateDescriptor(descriptor)
        guard copy >= 0 else { throw SystemError("duplicate a socket") }
        return copy
    }

    package static func close(_ descriptor: Int32) {
        // EINTR on Linux closes too; a second call could close somebody else's descriptor.
        let result = Glibc.close(descriptor)
        precondition(result == 0 || lastErrorNumber() != EBADF, "Socket: closed twice: \(descriptor)")
    }

    // MARK: Listening

    /// - Parameter sharesPort: several sockets of this process may listen on the same port, one a worker.
    package static func listen(on address: SocketAddress, backlog: Int, sharesPort: Bool) throws(SystemError) -> Int32 {
        let descriptor = socket(address.family, streamType, 0)
        guard descriptor >= 0 else { throw SystemError("socket") }
        if address.family != AF_UNIX {
            set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
            if sharesPort { set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
        }
        if address.withPointer({ bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, Int32(backlog)) == 0 {
            return descriptor
        }
        // Before the calls below overwrite it.
        let number = lastErrorNumber()
        close(descriptor)
        throw SystemError("listen on \(address.text)", number)
    }

    /// What came of one accept.
    package enum Accepted {
        case client(Int32)
        case nobody
        /// No descriptor, or no kernel memory, is left, or it is forbidden; the client still waits in the backlog.
        case exhausted(Int32)
    }

    package static func accept(_ listener: Int32) -> Accepted {
        while true {
            let descriptor = acceptNonBlocking(
                listener, flags: Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
            if descriptor >= 0 { return .client(descriptor) }
            let number = lastErrorNumber()
            switch number {
            case EINTR: continue
            // Errors of the network that belong to the one connection that is lost, as accept(2) lists them.
            case ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH:
                continue
            // Of a listener that takes nobody any more (`stopListening`).
            case EAGAIN, EINVAL: return .nobody
            default: return .exhausted(number)
            }
        }
    }

    // MARK: Options and names

    package static func setNoDelay(_ descriptor: Int32) { set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }

    package static func setKeepAlive(_ descriptor: Int32) { set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1) }

    /// The same, and a peer that is gone without a word is found within half a minute: asked after 10 s of silence,
    /// three times, every 5 s. A unix socket takes no such option and needs none.
    package static func keepWatch(_ descriptor: Int32) {
        setKeepAlive(descriptor)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 10)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 5)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
    }

    /// The kernel takes no more while so many bytes wait for the peer's window; what the peer does not read stays with
    /// us and under our limits. Without it a socket grows to the last number of `net.ipv4.tcp_wmem`, and some hundreds
    /// of them push the whole machine over `net.ipv4.tcp_mem`, where the kernel drops packets of everybody.
    package static func limitUnsent(_ descriptor: Int32, sizeBytes: Int32) {
        set(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, sizeBytes)
    }

    /// `close` will throw away what the kernel still has to send, and tell the peer so (RST).
    package static func resetAtClose(_ descriptor: Int32) {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    package static func localAddress(of descriptor: Int32) -> SocketAddress? { name(descriptor, getsockname) }

    package static func peerAddress(of descriptor: Int32) -> SocketAddress? { name(descriptor, getpeername) }

    private static func name(
        _ descriptor: Int32,
        _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard call(descriptor, address, &size) == 0 else { return nil }
                return SocketAddress(copying: address, sizeBytes: Int(size))
            }
        }
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var number = value
        setsockopt(descriptor, level, option, &number, socklen_t(MemoryLayout<Int32>.size))
    }

    private static var streamType: Int32 {
        Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    }
}
