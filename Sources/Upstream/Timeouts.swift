// Timeouts: how long each kind of request may wait, from its arrival on. 0 waits for ever.
// Not here: what happens when a time is over (Session/Engine+Deadlines).

public struct Timeouts: BitwiseCopyable, Sendable {
    public let readMs: UInt64
    public let writeMs: UInt64
    public let scriptMs: UInt64
    /// For what has not been written to the server.
    public let queueMs: UInt64
    public let checkMs: UInt64
    /// All kinds have the same, so that the oldest request is the next one to be late.
    public let isUniform: Bool
    /// The shortest of all that are not 0; 0 for none.
    public let shortestMs: UInt64

    package init(_ options: BackendOptions) {
        readMs = UInt64(options.readTimeoutMs ?? options.timeoutMs)
        writeMs = UInt64(options.writeTimeoutMs ?? options.timeoutMs)
        scriptMs = UInt64(options.scriptTimeoutMs ?? options.timeoutMs)
        queueMs = UInt64(options.queueTimeoutMs)
        checkMs = UInt64(options.connectTimeoutMs)
        isUniform = readMs == writeMs && writeMs == scriptMs && queueMs == 0
        shortestMs = [readMs, writeMs, scriptMs, queueMs].filter { $0 > 0 }.min() ?? 0
    }

    /// - Returns: 0 for no limit.
    @inline(__always)
    public func limitMs(for ticket: ReplyTicket, isWritten: Bool) -> UInt64 {
        let ownMs =
            ticket.kind == .check
            ? checkMs : ticket.traits.contains(.script) ? scriptMs : ticket.isWrite ? writeMs : readMs
        if isWritten || queueMs == 0 { return ownMs }
        return ownMs == 0 ? queueMs : min(ownMs, queueMs)
    }
}
