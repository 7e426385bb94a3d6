// DataPort: asks a running Keyway something over the port of one of its pools, as a client would, once.
// It speaks RESP3, so that a reply says what of it is a map.
// Not here: what is asked (ExplainCommand), the admin port (Admin/AdminClient).

import Platform
import Routing
import Upstream
import Wire

struct DataPortError: Error, CustomStringConvertible {
    let description: String
}

struct DataPort {
    private static let timeoutNs: UInt64 = 5_000_000_000
    private static let replyBytesMax = 16 << 20

    let endpoint: Endpoint
    /// Of the pool; nil for none.
    let password: String?

    /// - Returns: the reply, which may be an error.
    func ask(_ words: [[UInt8]]) throws(DataPortError) -> ReplyValue {
        let deadlineNs = Clock.nowNs() + Self.timeoutNs
        let descriptor = try connect(deadlineNs)
        defer { Socket.close(descriptor) }
        let greeting = ["HELLO", "3"] + (password.map { ["AUTH", "default", $0] } ?? [])
        let requests = RequestBuilder.bytes(greeting) + RequestBuilder.bytes(words)
        guard Socket.send(descriptor, all: requests, deadlineNs: deadlineNs) else {
            throw DataPortError(description: "\(endpoint.text) took no request")
        }
        var bytes: [UInt8] = []
        let greeted = try reply(descriptor, &bytes, deadlineNs)
        if let error = greeted.errorText { throw DataPortError(description: "\(endpoint.text): \(error)") }
        return try reply(descriptor, &bytes, deadlineNs)
    }

    private func connect(_ deadlineNs: UInt64) throws(DataPortError) -> Int32 {
        let address: SocketAddress
        do throws(ResolveError) {
            address = try endpoint.resolve()
        } catch {
            throw DataPortError(description: "\(error)")
        }
        do throws(SystemError) {
            return try Socket.connect(to: address, deadlineNs: deadlineNs)
        } catch {
            throw DataPortError(description: "\(error)")
        }
    }

    /// The next one.
    ///
    /// - Parameter bytes: what has come and is not used yet.
    private func reply(
        _ descriptor: Int32, _ bytes: inout [UInt8], _ deadlineNs: UInt64
    ) throws(DataPortError) -> ReplyValue {
        while bytes.count < Self.replyBytesMax {
            switch Self.end(ofReply: bytes) {
            case .complete(let usedBytes):
                guard let value = ReplyValue(parsing: Array(bytes.prefix(usedBytes))) else { throw notKeyway }
                bytes.removeFirst(usedBytes)
                return value
            case .malformed: throw notKeyway
            case .incomplete: break
            }
            guard let part = Socket.receive(descriptor, countMax: 1 << 16, deadlineNs: deadlineNs), !part.isEmpty else {
                throw DataPortError(description: "\(endpoint.text) did not answer")
            }
            bytes += part
        }
        throw DataPortError(description: "\(endpoint.text) answered more than \(Self.replyBytesMax) bytes")
    }

    private static func end(ofReply bytes: [UInt8]) -> ReplyScanner.Progress {
        var scanner = ReplyScanner()
        return bytes.withUnsafeBufferPointer { bytes in
            bytes.isEmpty
                ? .incomplete(usedBytes: 0) : scanner.advance(bytes.baseAddress!, count: bytes.count)
        }
    }

    private var notKeyway: DataPortError {
        DataPortError(description: "\(endpoint.text) does not speak RESP; is it a Keyway's port?")
    }
}
