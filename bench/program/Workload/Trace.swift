// Trace: stored commands to be sent again, ready as bytes. The file's form is recognised by how it begins:
//
//   RESP      `*3 CR LF $3 ...`: requests as a client sends them, an append-only file for one
//   MONITOR   `1339518083.107412 [0 127.0.0.1:60866] "get" "key"`: what redis-cli monitor prints, with its times
//   text      one command a line, quoted as in redis-cli; empty lines and lines that begin with # are skipped
//
// Order is kept where it matters: all commands of one client (MONITOR) or of one first argument, mostly the key (RESP,
// text), go to one thread, in the file's order. MULTI to EXEC or DISCARD of one client is one operation.
// Left out, and counted: what changes a connection (`leftOutNames`), and in MONITOR what scripts called.
// Not here: reading the forms (TraceReader), when what is sent (OperationSource, Load).

import Foundation

final class Trace: @unchecked Sendable {
    struct Entry: BitwiseCopyable {
        var offset: Int
        var count: Int
        /// Index into `names`.
        var kind: UInt16
        var replyCount: UInt16
        var isTransaction: Bool
        /// Equal for all that must stay in order.
        var home: UInt32
        /// After the trace's start; 0 throughout where the form has no times.
        var dueNs: UInt64
    }

    static let leftOutNames: Set<String> = [
        "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe", "monitor", "quit",
        "shutdown", "hello", "auth", "select", "reset", "sync", "psync", "replconf", "watch", "unwatch", "client",
    ]

    let entries: [Entry]
    /// What the entries' offsets point into; lives as long as this object.
    let bytes: UnsafePointer<UInt8>
    /// Command names, small letters, in the order of their first use; transactions are `multi`.
    let names: [String]
    let hasTimes: Bool
    let leftOutCount: Int
    private let memory: UnsafeMutablePointer<UInt8>

    /// - Parameter name: the file's, for error texts.
    init(_ contents: [UInt8], name: String) throws(WorkloadError) {
        var reader = TraceReader(contents, name: name)
        try reader.read()
        guard !reader.entries.isEmpty else {
            throw WorkloadError(
                "trace \(name): there is no command to send in it (\(reader.leftOutCount) left out); a trace is one "
                    + "command a line, what redis-cli monitor prints, or RESP")
        }
        entries = reader.entries
        names = reader.names
        hasTimes = reader.hasTimes
        leftOutCount = reader.leftOutCount
        memory = .allocate(capacity: reader.output.count)
        memory.initialize(from: reader.output, count: reader.output.count)
        bytes = UnsafePointer(memory)
    }

    convenience init(path: String) throws(WorkloadError) {
        let contents: [UInt8]
        do {
            contents = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw WorkloadError("trace \(path): cannot be read: \(error.localizedDescription)")
        }
        try self.init(contents, name: path)
    }

    deinit { memory.deallocate() }

    /// How long one round takes: to the last entry and the mean gap behind it.
    var roundNs: UInt64 {
        guard let last = entries.last, entries.count > 1 else { return 0 }
        return last.dueNs + last.dueNs / UInt64(entries.count - 1)
    }
}
