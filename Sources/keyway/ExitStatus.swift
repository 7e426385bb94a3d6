// ExitStatus: the numbers that the program ends with. Scripts and service supervisors rely on them.
// Wrong arguments end with 64, which is swift-argument-parser's number for them.

enum ExitStatus {
    /// The config file, or what was asked about it, is wrong.
    static let badConfig: Int32 = 1
    /// The config is right but the start failed: a port is taken, a server could not be started.
    static let failedStart: Int32 = 2
    /// Ended by the second signal, whatever was in flight.
    static let endedAtOnce: Int32 = 3
    /// `keyway plan`: keys would move to other servers.
    static let keysMove: Int32 = 4
}
