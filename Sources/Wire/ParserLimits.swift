// ParserLimits: how much of anything one client may send. The numbers and names are Valkey's own defaults.
// Not here: budgets of memory and requests in flight (Session).

/// Limits of one client's requests. Reaching one is a protocol error, never a wait.
public struct ParserLimits: BitwiseCopyable, Sendable {
    /// Longest inline request, in bytes.
    public var inlineSizeBytesMax = 65_536
    /// Most arguments of one request.
    public var argumentCountMax = Int(Int32.max)
    /// Longest argument, in bytes: `proto-max-bulk-len`.
    public var bulkSizeBytesMax = 536_870_912
    /// Longest request that has to be seen whole before it can be placed: `client-query-buffer-limit`.
    public var requestSizeBytesMax = 1_073_741_824

    public init() {}

    /// For a client that has not yet said its password.
    public static let argumentCountMaxUnauthenticated = 10
    public static let bulkSizeBytesMaxUnauthenticated = 16_384
}

/// What is wrong with a client's bytes. The connection ends after the reply.
public enum RequestFault: Equatable, Sendable {
    case inlineTooLong
    case unbalancedQuotes
    case argumentCountTooLong
    case argumentCountInvalid
    case argumentCountUnauthenticated
    case bulkExpected(UInt8)
    case bulkLengthTooLong
    case bulkLengthInvalid
    case bulkLengthUnauthenticated
    case bulkEndInvalid
    case requestTooLong(limitBytes: Int)

    /// Valkey's words where it has them.
    public var text: String {
        switch self {
        case .inlineTooLong: "Protocol error: too big inline request"
        case .unbalancedQuotes: "Protocol error: unbalanced quotes in request"
        case .argumentCountTooLong: "Protocol error: too big mbulk count string"
        case .argumentCountInvalid: "Protocol error: invalid multibulk length"
        case .argumentCountUnauthenticated: "Protocol error: unauthenticated multibulk length"
        case .bulkExpected(let byte):
            "Protocol error: expected '$', got '\(byte < 32 || byte > 126 ? " " : String(UnicodeScalar(byte)))'"
        case .bulkLengthTooLong: "Protocol error: too big bulk count string"
        case .bulkLengthInvalid: "Protocol error: invalid bulk length"
        case .bulkLengthUnauthenticated: "Protocol error: unauthenticated bulk length"
        case .bulkEndInvalid: "Protocol error: an argument does not end in CR LF"
        case .requestTooLong(let limitBytes):
            "Protocol error: a request of several keys is longer than client_query_buffer_limit (\(limitBytes) bytes)"
        }
    }
}
