// UsageError: what is wrong with the command line: the option, the value and its limits, what to do.
// Not here: what swift-argument-parser finds by itself.

struct UsageError: Error, Equatable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
