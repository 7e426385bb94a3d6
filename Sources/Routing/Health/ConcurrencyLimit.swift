// ConcurrencyLimit: how many requests one shard may have under way, found from what they do to their own wait.
// By Little's law the mean wait is the mean number under way divided by the rate of replies, so nothing is measured per
// request. While the wait is near the shortest one seen, the limit grows by its square root; when it is more than
// twice as long, the limit shrinks in proportion, and what is more is refused at once instead of waiting in vain.
// Not here: the samples (Session/Engine+Replies), the refusal (Session/Engine+Routing).

package struct ConcurrencyLimit: Sendable, BitwiseCopyable {
    private let lowest: Double
    private let highest: Double
    private var value: Double
    /// Requests times milliseconds a reply: the shortest wait seen of late.
    private var shortestMs = Double.infinity
    private var windowsSinceShortest = 0

    /// A wait is still good at so many times the shortest one.
    private static let tolerance = 2.0
    /// Windows after which the shortest wait counts for less, for the server may have changed.
    private static let windowsToForget = 300
    private static let forgetting = 1.1

    package init(lowest: Int, highest: Int) {
        self.lowest = Double(lowest)
        self.highest = Double(highest)
        value = Double(highest)
    }

    package var limit: Int { Int(value) }

    /// One window is over.
    ///
    /// - Parameters:
    ///   - meanInFlight: requests under way, on average over the window's reads.
    ///   - replyCount: replies in the window.
    package mutating func record(meanInFlight: Double, replyCount: Int, windowMs: UInt64) {
        guard replyCount >= 10, windowMs > 0, meanInFlight > 0 else { return }
        let waitMs = meanInFlight * Double(windowMs) / Double(replyCount)
        windowsSinceShortest += 1
        if waitMs < shortestMs {
            shortestMs = waitMs
            windowsSinceShortest = 0
        } else if windowsSinceShortest >= Self.windowsToForget {
            shortestMs *= Self.forgetting
            windowsSinceShortest = 0
        }
        let gradient = min(1, max(0.5, Self.tolerance * shortestMs / waitMs))
        if gradient < 1 {
            // From where the shard is, not from a limit that nobody has reached.
            value = max(lowest, min(value, 2 * meanInFlight) * gradient)
        } else if meanInFlight * 2 >= value {
            value = min(highest, value + value.squareRoot())
        }
    }
}
