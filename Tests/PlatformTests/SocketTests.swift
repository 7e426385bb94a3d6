import Glibc
import TestKit
import Testing

@testable import Platform

struct SocketTests {
    // MARK: Bytes

    @Test func bytesGoBothWays() throws {
        let connection = try Connection()
        #expect(receive(connection.far) == .wouldBlock)
        #expect(send(connection.near, [1, 2, 3]) == .bytes(3))
        #expect(Socket.receive(connection.far, countMax: 2, deadlineNs: soonNs()) == [1, 2])
        #expect(receive(connection.far) == .bytes(1))
        #expect(send(connection.far, [9]) == .bytes(1))
        #expect(Socket.receive(connection.near, countMax: 9, deadlineNs: soonNs()) == [9])
    }

    @Test func aHalfClosedConnectionStillSendsTheOtherWay() throws {
        let connection = try Connection()
        #expect(send(connection.near, [1, 2]) == .bytes(2))
        shutdown(connection.near, Int32(SHUT_WR))
        #expect(receiveAll(connection.far) == [1, 2])
        #expect(receive(connection.far) == .ended)
        #expect(receive(connection.far) == .ended)
        #expect(send(connection.far, [3]) == .bytes(1))
        #expect(Socket.receive(connection.near, countMax: 9, deadlineNs: soonNs()) == [3])
    }

    @Test func sendingToNobodyIsAnErrorAndNoSignal() throws {
        let connection = try Connection()
        connection.closeFar()
        var outcome = SocketOutcome.wouldBlock
        try eventually("the send fails") {
            outcome = send(connection.near, [1])
            if case .bytes = outcome { return false }
            return true
        }
        #expect(outcome == .failed(EPIPE) || outcome == .failed(ECONNRESET))
        var vectors = [iovec](repeating: iovec(), count: 2)
        var byte: UInt8 = 0
        withUnsafeMutableBytes(of: &byte) { bytes in
            for index in 0..<2 { vectors[index] = iovec(iov_base: bytes.baseAddress, iov_len: 1) }
            #expect(Socket.send(connection.near, vectors: &vectors, count: 2) == .failed(EPIPE))
        }
    }

    @Test func aResetIsAnError() throws {
        let connection = try Connection()
        #expect(send(connection.near, [1]) == .bytes(1))
        #expect(Socket.wait(connection.far, until: .readable, deadlineNs: soonNs()))
        // Closing with bytes unread resets.
        connection.closeFar()
        #expect(Socket.wait(connection.near, until: .readable, deadlineNs: soonNs()))
        #expect(receive(connection.near) == .failed(ECONNRESET))
    }

    /// Goal: whatever the kernel takes of a list of pieces, the bytes arrive once and in order.
    @Test func partialSendsLoseNothing() throws {
        var random = SeededRandom.announced()
        let connection = try Connection()
        let bytes = (0..<9_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        var sent = 0
        var received: [UInt8] = []
        var refusals = 0
        bytes.withUnsafeBytes { buffer in
            while received.count < bytes.count {
                var vectors: [iovec] = []
                var start = sent
                while start < bytes.count, vectors.count < 64 {
                    let count = min(bytes.count - start, 1 + random.below(20_000))
                    let base = UnsafeMutableRawPointer(mutating: buffer.baseAddress! + start)
                    vectors.append(iovec(iov_base: base, iov_len: count))
                    start += count
                }
                if !vectors.isEmpty {
                    switch Socket.send(connection.near, vectors: &vectors, count: vectors.count) {
                    case .bytes(let count):
                        sent += count
                        continue
                    case .wouldBlock: refusals += 1
                    case let other:
                        Issue.record("\(other)")
                        return
                    }
                }
                guard let part = Socket.receive(connection.far, countMax: 40_000, deadlineNs: soonNs()) else {
                    Issue.record("nothing came after \(received.count) bytes")
                    return
                }
                received += part
            }
        }
        #expect(received == bytes)
        #expect(refusals > 0, "the kernel never ran out of room, so nothing was tried")
    }

    // MARK: Connecting and listening

    @Test func bothEndsHaveTheSameNames() throws {
        let connection = try Connection()
        let near = try #require(Socket.localAddress(of: connection.near))
        #expect(Socket.peerAddress(of: connection.far) == near)
        #expect(near.text.hasPrefix("127.0.0.1:") && near.family == AF_INET)
    }

    @Test func ipv6IsWrittenInBrackets() throws {
        let address = try SocketAddress.resolve(host: "::1", port: 6_379, numericOnly: true)[0]
        #expect(address.text == "[::1]:6379" && address.family == AF_INET6)
        let any = try SocketAddress.resolve(host: "::1", port: 0, numericOnly: true)[0]
        // A machine without IPv6 has no such address to listen on.
        guard let connection = try? Connection(any) else { return }
        #expect(Socket.peerAddress(of: connection.far)?.text.hasPrefix("[::1]:") == true)
    }

    @Test func unixSocketsAreNamedByTheirPath() throws {
        let folder = TemporaryFolder()
        let path = folder.file("s")
        let connection = try Connection(try #require(SocketAddress(unixPath: path)))
        #expect(Socket.peerAddress(of: connection.near)?.text == path)
        #expect(Socket.peerAddress(of: connection.far)?.text == "unix")
        #expect(send(connection.near, [7]) == .bytes(1))
        #expect(Socket.receive(connection.far, countMax: 9, deadlineNs: soonNs()) == [7])
    }

    @Test func unixPathsFitOrAreRefused() {
        let longest = String(repeating: "x", count: 107)
        #expect(SocketAddress(unixPath: longest)?.text == longest)
        #expect(SocketAddress(unixPath: longest + "x") == nil)
        #expect(SocketAddress(unixPath: "a\0b") == nil)
        #expect(SocketAddress(unixPath: "") == nil)
    }

    @Test func aClosedPortRefuses() throws {
        let listener = try Socket.listen(on: loopback(), backlog: 1, sharesPort: false)
        let address = try #require(Socket.localAddress(of: listener))
        Socket.close(listener)
        // The port may be refused at once or later, by kernel; both ways the caller learns it.
        do {
            let descriptor = try Socket.connect(to: address)
            defer { Socket.close(descriptor) }
            #expect(Socket.wait(descriptor, until: .writable, deadlineNs: soonNs()))
            #expect(Socket.error(of: descriptor) == ECONNREFUSED)
            #expect(Socket.error(of: descriptor) == 0, "reading an error clears it")
        } catch {
            #expect(error.number == ECONNREFUSED)
        }
        let error = #expect(throws: SystemError.self) { try Socket.connect(to: address, deadlineNs: soonNs()) }
        #expect(error?.description == "connect to \(address.text): Connection refused")
    }

    @Test func aMissingUnixSocketIsNamed() throws {
        let path = TemporaryFolder().file("missing")
        let address = try #require(SocketAddress(unixPath: path))
        let error = #expect(throws: SystemError.self) { try Socket.connect(to: address) }
        #expect(error?.description == "connect to \(path): No such file or directory")
    }

    @Test func anAddressInUseIsNamed() throws {
        let listener = try Socket.listen(on: loopback(), backlog: 1, sharesPort: false)
        defer { Socket.close(listener) }
        let address = try #require(Socket.localAddress(of: listener))
        let error = #expect(throws: SystemError.self) {
            try Socket.listen(on: address, backlog: 1, sharesPort: false)
        }
        #expect(error?.number == EADDRINUSE)
        #expect(error?.description == "listen on \(address.text): Address already in use")
    }

    @Test func aPortCanBeShared() throws {
        let first = try Socket.listen(on: loopback(), backlog: 1, sharesPort: true)
        let second = try Socket.listen(on: try #require(Socket.localAddress(of: first)), backlog: 1, sharesPort: true)
        #expect(Socket.localAddress(of: first) == Socket.localAddress(of: second))
        Socket.close(first)
        Socket.close(second)
    }

    @Test func nobodyIsAcceptedWhereNobodyCame() throws {
        let listener = try Socket.listen(on: loopback(), backlog: 1, sharesPort: false)
        defer { Socket.close(listener) }
        guard case .nobody = Socket.accept(listener) else { throw NobodyCame() }
    }

    @Test func socketsNeitherBlockNorLeakIntoChildren() throws {
        let connection = try Connection()
        for descriptor in [connection.near, connection.far] {
            #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
            #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        }
        var value: Int32 = 0
        var size = socklen_t(4)
        getsockopt(connection.near, Int32(IPPROTO_TCP), TCP_NODELAY, &value, &size)
        #expect(value != 0)
        Socket.setKeepAlive(connection.far)
        getsockopt(connection.far, SOL_SOCKET, SO_KEEPALIVE, &value, &size)
        #expect(value != 0)
    }

    /// Goal: a full descriptor table is told apart from an empty backlog, and the client who waits is served later.
    @Test func theClientWaitsWhileNoDescriptorIsLeft() async {
        await #expect(processExitsWith: .success) {
            let listener = try Socket.listen(on: loopback(), backlog: 4, sharesPort: false)
            let client = try Socket.connect(to: Socket.localAddress(of: listener)!, deadlineNs: soonNs())
            precondition(Socket.wait(listener, until: .readable, deadlineNs: soonNs()))
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let before = limit
            limit.rlim_cur = 0
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            guard case .exhausted(EMFILE) = Socket.accept(listener) else { preconditionFailure() }
            var restored = before
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &restored)
            guard case .client(let accepted) = Socket.accept(listener) else { preconditionFailure() }
            precondition(Socket.localAddress(of: client) == Socket.peerAddress(of: accepted))
        }
    }

    @Test func closingTwiceIsABug() async {
        await #expect(processExitsWith: .failure) {
            let listener = try Socket.listen(on: loopback(), backlog: 1, sharesPort: false)
            Socket.close(listener)
            Socket.close(listener)
        }
    }

    @Test func aBadDescriptorIsABug() async {
        await #expect(processExitsWith: .failure) { _ = receive(1_000_000) }
        await #expect(processExitsWith: .failure) { _ = send(1_000_000, [1]) }
    }

    // MARK: Names

    @Test func numbersAreResolvedWithoutAnyLookUp() throws {
        #expect(try SocketAddress.resolve(host: "10.0.0.7", port: 1, numericOnly: true)[0].text == "10.0.0.7:1")
        #expect(
            try SocketAddress.resolve(host: "2001:db8::1", port: 65_535, numericOnly: true)[0].text
                == "[2001:db8::1]:65535")
        for name in ["localhost", "example.invalid", "", "1.2.3.4.5", "256.1.1.1", "[::1]", "1.2.3.4 "] {
            let error = #expect(throws: ResolveError.self) {
                try SocketAddress.resolve(host: name, port: 1, numericOnly: true)
            }
            #expect(error?.host == name && error?.reason.isEmpty == false)
            #expect(error?.description.hasPrefix("cannot find the address of \(name): ") == true)
        }
    }

    @Test func errorsSayWhichCallAndWhy() {
        #expect(SystemError("bind", EACCES).description == "bind: Permission denied")
        errno = ENOENT
        #expect(SystemError("open").number == ENOENT)
    }
}
