// ComputeBudget: how much a command over several shards may fetch and compute, and the words when it is too much.
// Computing happens on the worker, and everyone on that worker waits for it; so both numbers bound a wait.
// Not here: what a command fetches (Computation).

package struct ComputeBudget: Equatable, Sendable {
    /// All fetched replies of one command together.
    package var fetchedSizeBytesMax: Int
    /// LCS: the length of one value times that of the other.
    package var cellCountMax: Int

    /// Keys of the config file, as the errors name them.
    package static let sizeKey = "compute_size"
    package static let cellsKey = "compute_lcs_cells"

    package init(fetchedSizeBytesMax: Int, cellCountMax: Int) {
        self.fetchedSizeBytesMax = fetchedSizeBytesMax
        self.cellCountMax = cellCountMax
    }

    /// To be asked whenever more has come: fetching ends where it is no longer nil.
    ///
    /// - Returns: the error for the client; nil while all is well.
    package func refusal(of wireName: String, fetchedSizeBytes: Int) -> String? {
        guard fetchedSizeBytes > fetchedSizeBytesMax else { return nil }
        return "TOOLONG '\(wireName)' over several shards had to fetch \(fetchedSizeBytes) bytes, the limit "
            + "\(Self.sizeKey) is \(fetchedSizeBytesMax) bytes. It was given up and changed nothing; give the keys the "
            + "same hash tag, or raise the limit"
    }

    package func refusal(of wireName: String, cellCount: Int) -> String? {
        guard cellCount > cellCountMax else { return nil }
        return "TOOLONG '\(wireName)' over several shards had to compare \(cellCount) pairs of bytes, the limit "
            + "\(Self.cellsKey) is \(cellCountMax). It was given up and changed nothing; give the keys the same hash "
            + "tag, or raise the limit"
    }
}
