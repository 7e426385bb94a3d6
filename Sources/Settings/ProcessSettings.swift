// ProcessSettings: what the reserved top-level key `keyway:` says about the process as a whole.
// Defaults, ranges and sentences are in SettingsTable; this is only their typed shape.

/// Settings of the whole process.
package struct ProcessSettings: Sendable, Equatable {
    /// How workers wait between two turns of their loop.
    package enum Pacing: Sendable, Equatable {
        case automatic
        case off
        /// 1...1000
        case microseconds(Int)
    }

    /// Words of the log levels, least to most severe.
    package enum LogLevel: String, Sendable, Equatable, CaseIterable {
        case trace, debug, info, notice, warning, error, critical
    }

    /// 0 means one for each core.
    package var workers: Int
    package var pacing: Pacing
    package var drainTimeoutMs: Int
    package var logLevel: LogLevel
    /// One JSON object a line, else text.
    package var logsJSON: Bool
    /// Always `.tcp`; nil when the file says nothing.
    package var statsListen: ListenAddress?
    /// Always `.tcp`; nil when the file says nothing.
    package var adminListen: ListenAddress?
    /// What actions need; nil: there are none.
    package var adminToken: String?
    /// Names that browsers may call the admin port by, beside numbers and localhost.
    package var adminHosts: [String]
    /// 0 means none.
    package var slowLogSlowerThanMs: Int
    package var slowLogCountMax: Int
    package var slowLogShowsKeys: Bool
    package var clientCountMax: Int
    package var protoMaxBulkLenBytes: Int
    package var clientQueryBufferLimitBytes: Int
    package var clientOutputBufferLimitBytes: Int
    /// At most `clientOutputBufferLimitBytes`.
    package var clientOutputBufferPauseBytes: Int
    /// 0 means none.
    package var clientOutputBufferSoftLimitBytes: Int
    package var clientOutputBufferSoftSeconds: Int
    /// 0 means none.
    package var memoryLimitBytes: Int
    /// Clients a second and worker; 0 means no limit.
    package var acceptRateMax: Int
    package var clientInFlightCountMax: Int
    /// 0 means never.
    package var clientIdleTimeoutSeconds: Int
}
