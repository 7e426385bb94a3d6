// RequestSource: what a load thread needs of whoever draws its operations, so that the thread's loop is compiled for
// each of them and calls nothing indirectly.
// Not here: the sources (Workload/OperationSource, PublishSource).

protocol RequestSource: ~Copyable, SendableMetatype {
    /// The operations drawn from now on count from this moment.
    mutating func begin(atNs: UInt64)
    /// Draws an operation and appends its bytes to `out`; nil: there are no more.
    mutating func next(_ out: inout ByteBuffer, connectionIndex: Int) -> Operation?
    /// The same for what fills the target before the run.
    mutating func nextFill(_ out: inout ByteBuffer) -> Operation?
    /// False: the first bytes of a reply are enough for `judge`.
    var needsWholeReplies: Bool { get }
    mutating func judge(_ operation: inout Operation, reply: UnsafePointer<UInt8>, count: Int) -> Judgement
    /// No more replies will come for it.
    mutating func abandon(_ operation: Operation)
    var lastComplaint: String { get }
    /// When the next operation is due, from the start of the run; nil: whenever there is a place for it.
    var nextDueNs: UInt64? { get }
}

extension RequestSource where Self: ~Copyable {
    @inline(__always)
    mutating func begin(atNs: UInt64) {}
}

extension OperationSource: RequestSource {}
