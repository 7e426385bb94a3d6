// Flaw: the half of a finding that the parser of a single value knows: what is wrong and what to do.
// File, line and key are added where the value stands (SettingsSection); so its texts are tested there.

/// What is wrong with one value, before it is known where it stands.
struct Flaw: Error, Equatable {
    let problem: String
    let remedy: String

    init(_ problem: String, _ remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }

    static func ofSocketPath(_ path: String) -> Flaw? {
        let sizeMax = ListenAddress.pathSizeMax
        guard path.utf8.count > sizeMax else { return nil }
        return Flaw(
            "the socket path has \(path.utf8.count) bytes, above the maximum \(sizeMax)", "use a shorter path")
    }
}
