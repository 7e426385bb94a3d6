// SourceRig: what the tests of the workload need again and again: sources from options, operations as text, replies.

@testable import keyway_bench

func options(_ change: (inout WorkloadOptions) -> Void = { _ in }) -> WorkloadOptions {
    var options = WorkloadOptions()
    change(&options)
    return options
}

/// An operation on its way, with its bytes.
final class Drawn {
    var operation: keyway_bench.Operation
    let bytes: [UInt8]

    init(_ operation: keyway_bench.Operation, _ bytes: [UInt8]) {
        self.operation = operation
        self.bytes = bytes
    }

    var kind: Int { Int(operation.kind) }
    var repliesLeft: Int { Int(operation.repliesLeft) }
}

/// A source that tests can ask inside of `#expect`, which takes no mutating call.
final class SourceRig {
    let workload: Workload
    private var source: OperationSource

    init(_ workload: Workload, threadIndex: Int = 0, threadCount: Int = 1) {
        self.workload = workload
        source = OperationSource(workload: workload, threadIndex: threadIndex, threadCount: threadCount)
    }

    var needsWholeReplies: Bool { source.needsWholeReplies }
    var lastComplaint: String { source.lastComplaint }
    var nextDueNs: UInt64? { source.nextDueNs }
    /// Noted operations on their way.
    var pendingCount: Int { source.pending.count }

    func draw(connectionIndex: Int = 0) -> Drawn? {
        var buffer = ByteBuffer(capacityBytes: 64)
        return source.next(&buffer, connectionIndex: connectionIndex).map { Drawn($0, buffer.bytes) }
    }

    func drawFill() -> Drawn? {
        var buffer = ByteBuffer(capacityBytes: 64)
        return source.nextFill(&buffer).map { Drawn($0, buffer.bytes) }
    }

    /// CR LF as blanks.
    func drawText(connectionIndex: Int = 0) -> String? {
        draw(connectionIndex: connectionIndex).map { readable($0.bytes) }
    }

    func drawFillText() -> String? { drawFill().map { readable($0.bytes) } }

    func judge(_ drawn: Drawn, _ reply: [UInt8]) -> Judgement {
        reply.withUnsafeBufferPointer {
            source.judge(&drawn.operation, reply: $0.baseAddress!, count: $0.count)
        }
    }

    func judge(_ drawn: Drawn, _ reply: String) -> Judgement { judge(drawn, Array(reply.utf8)) }

    func abandon(_ drawn: Drawn) { source.abandon(drawn.operation) }
}

func source(
    threadIndex: Int = 0, threadCount: Int = 1, _ change: (inout WorkloadOptions) -> Void = { _ in }
) throws -> SourceRig {
    let asked = options {
        $0.threadCount = threadCount
        change(&$0)
    }
    return SourceRig(try Workload(asked), threadIndex: threadIndex, threadCount: threadCount)
}

extension ByteBuffer {
    var bytes: [UInt8] { Array(UnsafeBufferPointer(start: start, count: count)) }
    var text: String { String(decoding: bytes, as: UTF8.self) }
}

func readable(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        .dropLast().joined(separator: " ")
}

/// The commands that a server would see.
func commands(_ bytes: [UInt8]) -> [[[UInt8]]] {
    var commands: [[[UInt8]]] = []
    var offset = 0
    func number() -> Int {
        let end = bytes[offset...].firstIndex(of: 13)!
        let value = Int(String(decoding: bytes[(offset + 1)..<end], as: UTF8.self))!
        offset = end + 2
        return value
    }
    while offset < bytes.count {
        precondition(bytes[offset] == UInt8(ascii: "*"))
        var arguments: [[UInt8]] = []
        for _ in 0..<number() {
            precondition(bytes[offset] == UInt8(ascii: "$"))
            let length = number()
            arguments.append(Array(bytes[offset..<(offset + length)]))
            precondition(bytes[offset + length] == 13 && bytes[offset + length + 1] == 10)
            offset += length + 2
        }
        commands.append(arguments)
    }
    return commands
}

func bulk(_ bytes: [UInt8]?) -> [UInt8] {
    guard let bytes else { return Array("$-1\r\n".utf8) }
    return Array("$\(bytes.count)\r\n".utf8) + bytes + [13, 10]
}

func failureText(_ body: () throws -> Void) -> String {
    do {
        try body()
        return ""
    } catch {
        return "\(error)"
    }
}
