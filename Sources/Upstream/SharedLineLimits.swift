// SharedLineLimits: what every shared line of a shard begins with.
// Not here: the line itself, the limits of other roles.

import Platform
import Routing

package struct SharedLineLimits: BitwiseCopyable {
    let inFlightMax: Int
    let followsSpeed: Bool
    let keepsWritten: Bool

    /// A limit that follows the server's speed never goes below this.
    private static let inFlightLowest = 8

    init(_ backend: BackendOptions) {
        inFlightMax = backend.inFlightMax
        followsSpeed = backend.followsSpeed
        keepsWritten = backend.repeatPercent > 0 || backend.repeatsPerSecond > 0
    }

    /// The line has nothing under way.
    package func apply(to line: LineRef) {
        precondition(line.pointee.inFlight.isEmpty && line.pointee.written.isEmpty)
        line.pointee.inFlightMax = inFlightMax
        line.pointee.keepsWritten = keepsWritten
        line.pointee.concurrency =
            followsSpeed
            ? ConcurrencyLimit(lowest: min(Self.inFlightLowest, inFlightMax), highest: inFlightMax) : nil
    }

    /// The line carries something else from now on.
    package func lift(from line: LineRef) {
        precondition(line.pointee.inFlight.isEmpty && line.pointee.written.isEmpty)
        line.pointee.inFlightMax = inFlightMax
        line.pointee.keepsWritten = false
        line.pointee.concurrency = nil
    }
}
