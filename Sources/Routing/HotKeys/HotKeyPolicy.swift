// HotKeyPolicy: whether a key is hot. It becomes hot when it meets every threshold that is set, and stays so until it
// falls below half of one, so that a key near a threshold does not come and go.
// Not here: where the rates come from (HotKeySketch, HotKeyReport), who remembers what was hot, what is done about it.

package struct HotKeyPolicy: Sendable {
    /// Requests a second; 0 for any.
    package var requestsPerSecondMin = 1_000.0
    /// Of the shard's requests; 0 for any.
    package var sharePercentMin = 1.0
    /// Reads for each write; 0 for any.
    package var readsPerWriteMin = 0.0
    /// Nothing else is hot, where there are some.
    package var includedPrefixes: [[UInt8]] = []
    /// Never hot, whatever else is said of them.
    package var excludedPrefixes: [[UInt8]] = []

    /// Of fewer samples a rate is off by a third and more.
    package static let sampleCountMin = 8.0
    private static let leavingPart = 0.5

    package init() {}

    /// - Parameter wasHot: what this said of the key the last time.
    package func isHot(_ key: HotKey, wasHot: Bool) -> Bool {
        guard concerns(key.key) else { return false }
        let part = wasHot ? Self.leavingPart : 1
        let heat = key.heat
        return key.sampleCount >= Self.sampleCountMin * part
            && heat.requestsPerSecond >= requestsPerSecondMin * part
            && key.sharePercent >= sharePercentMin * part
            && heat.readsPerSecond >= heat.writesPerSecond * readsPerWriteMin * part
    }

    /// A prefix that is longer than what is kept of a key matches no key.
    private func concerns(_ key: ShownKey) -> Bool {
        if excludedPrefixes.contains(where: { key.bytes.starts(with: $0) }) { return false }
        return includedPrefixes.isEmpty || includedPrefixes.contains { key.bytes.starts(with: $0) }
    }
}
