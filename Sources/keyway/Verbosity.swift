// Verbosity: twemproxy's eleven steps of `-v` as levels of swift-log, and the steps of SIGTTIN and SIGTTOU.
// twemproxy's 0 to 2 (emergency, alert, critical) are one level here, and so are 8 to 11 (verbose and up).

import Logging
import Settings

enum Verbosity {
    static let max = 11

    /// - Parameter number: 0 or more; above 11 counts as 11, as in twemproxy.
    static func level(_ number: Int) -> Logger.Level {
        switch number {
        case ...2: .critical
        case 3: .error
        case 4: .warning
        case 5: .notice
        case 6: .info
        case 7: .debug
        default: .trace
        }
    }

    static func level(_ level: ProcessSettings.LogLevel) -> Logger.Level {
        switch level {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        case .critical: .critical
        }
    }

    /// One step chattier; the last step stays.
    static func louder(than level: Logger.Level) -> Logger.Level { neighbour(of: level, -1) }

    /// One step quieter; the last step stays.
    static func quieter(than level: Logger.Level) -> Logger.Level { neighbour(of: level, 1) }

    private static func neighbour(of level: Logger.Level, _ step: Int) -> Logger.Level {
        let levels = Logger.Level.allCases  // trace ... critical
        guard let index = levels.firstIndex(of: level) else { preconditionFailure("Verbosity: unknown level") }
        return levels[Swift.min(Swift.max(index + step, 0), levels.count - 1)]
    }
}
