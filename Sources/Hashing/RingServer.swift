// RingServer: what placement needs to know of a server. Addresses and connections are Upstream's business.

/// One server line of a pool.
package struct RingServer: Sendable, Equatable {
    /// twemproxy's ring name: the given name, else `host:port` (`host` alone for port 11211). It decides the points.
    package let name: String
    /// 1 or more; the sum over a pool is at most `Placement.weightSumMax`.
    package let weight: Int

    package init(name: String, weight: Int) {
        self.name = name
        self.weight = weight
    }

    /// twemproxy's order inside a pool: shorter names first, then by bytes.
    func precedes(_ other: RingServer) -> Bool {
        let (left, right) = (name.utf8, other.name.utf8)
        guard left.count == right.count else { return left.count < right.count }
        return left.lexicographicallyPrecedes(right)
    }
}
