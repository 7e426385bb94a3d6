// TraceOrder: whose requests an operator wants to see in the log, and until when.
// Not here: the one that holds in this process (TraceBoard), what is done for it (Engine+Tracing).

import Routing

struct TraceOrder: Sendable {
    enum Target: Sendable, Equatable {
        /// All requests of one client, by its id.
        case client(Int)
        /// Requests of a pool that name a key which matches.
        case keys(pattern: [UInt8], pool: String)
    }

    let target: Target
    /// In milliseconds of the workers' clock.
    let untilMs: UInt64
    /// Later ones have higher ones; set by the board.
    var number = 0

    static let secondsDefault = 60
    static let secondsMax = 600
    /// Matching takes as many steps as pattern and key multiplied have bytes; longer keys are not looked at.
    static let patternBytesMax = 256
    static let keyBytesMax = 1_024

    /// For people.
    ///
    /// - Parameter showsKeys: a pattern may be a key.
    func text(showsKeys: Bool) -> String {
        switch target {
        case .client(let id): "client \(id)"
        case .keys(let pattern, let pool):
            showsKeys ? "keys '\(String(decoding: pattern, as: UTF8.self))' of pool \(pool)" : "keys of pool \(pool)"
        }
    }
}
