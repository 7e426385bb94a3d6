// Symptom: what a server's error reply says of the server itself, and not of the request.
// Not here: what follows from it (Breaker, Session/Engine+Health).

package import Wire

package enum Symptom: UInt8, Sendable, CaseIterable {
    /// Its data set is not in memory yet.
    case loading
    /// A replica without its primary, which would give old data.
    case masterDown
    /// It has become a replica.
    case readOnly
    /// A node of a cluster that does not serve.
    case clusterDown
    /// Its memory is full: it reads and deletes, but stores nothing more.
    case outOfMemory
    /// A script holds it up.
    case busy
    /// It refuses writes, as its snapshots fail or its replicas are gone.
    case refusesWrites

    private static let codes: [(code: StaticString, symptom: Symptom)] = [
        ("LOADING", .loading), ("MASTERDOWN", .masterDown), ("READONLY", .readOnly), ("CLUSTERDOWN", .clusterDown),
        ("OOM", .outOfMemory), ("BUSY", .busy), ("MISCONF", .refusesWrites), ("NOREPLICAS", .refusesWrites),
    ]

    /// - Parameter reply: an error reply, whole or its beginning, from its `-` on.
    /// - Returns: nil for an error that is the request's own.
    package init?(_ reply: ByteView) {
        for (code, symptom) in Self.codes where Self.begins(reply, with: code) {
            self = symptom
            return
        }
        return nil
    }

    private static func begins(_ reply: ByteView, with code: StaticString) -> Bool {
        let count = code.utf8CodeUnitCount
        // BUSYGROUP and BUSYKEY are errors of requests.
        guard reply.count > count + 1, reply[0] == UInt8(ascii: "-"), reply[count + 1] == UInt8(ascii: " ") else {
            return false
        }
        return (0..<count).allSatisfy { reply[$0 + 1] == code.utf8Start[$0] }
    }

    /// A check can find it, and the shard serves nobody while it lasts.
    package var asksForCheck: Bool {
        switch self {
        case .loading, .masterDown, .busy, .readOnly: true
        case .clusterDown, .outOfMemory, .refusesWrites: false
        }
    }

    /// The request failed for the shard's sake.
    package var isFailure: Bool { self == .clusterDown }
}
