// Socket+Deadline: waiting on one socket until a deadline, for threads that serve nothing else meanwhile
// (the stats port, the supervisor of embedded servers). Deadlines are moments of Clock.nowNs().
// Not here: the workers, which never wait for one socket (Poller).

import Glibc

extension Socket {
    package enum Readiness {
        case readable, writable
    }

    /// - Returns: false when the deadline came first. A socket in error is ready: the next call on it tells.
    package static func wait(_ descriptor: Int32, until readiness: Readiness, deadlineNs: UInt64) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(readiness == .readable ? POLLIN : POLLOUT), revents: 0)
        while true {
            let nowNs = Clock.nowNs()
            let leftMs = deadlineNs > nowNs ? (deadlineNs - nowNs + 999_999) / 1_000_000 : 0
            let result = poll(&entry, 1, Int32(clamping: leftMs))
            if result > 0 { return true }
            if result == 0 {
                if Clock.nowNs() >= deadlineNs { return false }
            } else {
                precondition(lastErrorNumber() == EINTR, "Socket: \(SystemError("poll"))")
            }
        }
    }

    /// Sends all of `bytes`.
    ///
    /// - Returns: false when the peer is gone or did not take them before the deadline.
    package static func send(_ descriptor: Int32, all bytes: [UInt8], deadlineNs: UInt64) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var sentCount = 0
            while sentCount < buffer.count {
                switch send(descriptor, buffer.baseAddress! + sentCount, count: buffer.count - sentCount) {
                case .bytes(let count): sentCount += count
                case .wouldBlock:
                    guard wait(descriptor, until: .writable, deadlineNs: deadlineNs) else { return false }
                case .noMemory:
                    guard waitForMemory(deadlineNs: deadlineNs) else { return false }
                case .ended, .failed: return false
                }
            }
            return true
        }
    }

    /// Receives what there is, at least one byte and at most `countMax`.
    ///
    /// - Returns: no byte when the peer has ended; nil when it failed or sent nothing before the deadline.
    package static func receive(_ descriptor: Int32, countMax: Int, deadlineNs: UInt64) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: countMax)
        while true {
            let transfer = bytes.withUnsafeMutableBufferPointer {
                receive(descriptor, into: $0.baseAddress!, count: $0.count)
            }
            switch transfer {
            case .bytes(let count): return Array(bytes.prefix(count))
            case .ended: return []
            case .wouldBlock:
                guard wait(descriptor, until: .readable, deadlineNs: deadlineNs) else { return nil }
            case .noMemory:
                guard waitForMemory(deadlineNs: deadlineNs) else { return nil }
            case .failed: return nil
            }
        }
    }

    /// The kernel does not tell when it has some.
    ///
    /// - Returns: false when the deadline came first.
    private static func waitForMemory(deadlineNs: UInt64) -> Bool {
        guard Clock.nowNs() < deadlineNs else { return false }
        Clock.nap(microseconds: 1_000)
        return true
    }

    /// Connects and waits for it.
    ///
    /// - Returns: a connected socket that does not block; the caller closes it.
    package static func connect(to address: SocketAddress, deadlineNs: UInt64) throws(SystemError) -> Int32 {
        let descriptor = try connect(to: address)
        let isReady = wait(descriptor, until: .writable, deadlineNs: deadlineNs)
        let number = isReady ? error(of: descriptor) : ETIMEDOUT
        guard number == 0 else {
            close(descriptor)
            throw SystemError("connect to \(address.text)", number)
        }
        return descriptor
    }

    /// Makes every wait on a listening socket return, from any thread. It accepts nobody any more.
    package static func stopListening(_ listener: Int32) {
        shutdown(listener, Int32(SHUT_RDWR))
    }
}
