// CollectedLog: log lines that a test looks at.
// Not here: how lines look in the real log (KeywayTests).

import Logging
import Synchronization

/// Whoever writes and whoever reads have references to one.
final class CollectedLog: Sendable {
    struct Line: Sendable {
        let text: String
        let fields: [String: String]
    }

    private let collected = Mutex<[Line]>([])

    var lines: [Line] { collected.withLock { $0 } }

    func removeAll() { collected.withLock { $0 = [] } }

    func logger(_ level: Logger.Level = .notice) -> Logger {
        var logger = Logger(label: "test", factory: { _ in Handler(log: self) })
        logger.logLevel = level
        return logger
    }

    private struct Handler: LogHandler {
        let log: CollectedLog
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?
        var logLevel = Logger.Level.notice

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).mapValues { "\($0)" }
            log.collected.withLock { $0.append(Line(text: event.message.description, fields: fields)) }
        }
    }
}
