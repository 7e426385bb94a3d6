// LogLine: how one log line looks: time in UTC, level, message, and metadata as key=value; or the same as JSON.
// Whatever a message holds, it stays one line and cannot drive the terminal that shows it.
// Not here: where lines go (LogSink).

import Glibc
import Logging

/// What swift-log calls for every message of a logger.
struct LogLine: LogHandler {
    let sink: LogSink
    /// False for what is bounded where it is made.
    private let isThrottled: Bool
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    /// Of this logger alone; nil follows the sink, which is the rule.
    private var ownLevel: Logger.Level?

    init(sink: LogSink, isThrottled: Bool = true) {
        self.sink = sink
        self.isThrottled = isThrottled
    }

    /// A logger that writes to `sink`.
    static func logger(to sink: LogSink, isThrottled: Bool = true) -> Logger {
        Logger(label: "keyway", factory: { _ in LogLine(sink: sink, isThrottled: isThrottled) })
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? sink.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        var message = event.message.description
        if let error = event.error { message += ": \(error)" }
        sink.write(event.level, message, all, isThrottled: isThrottled)
    }

    /// `2026-01-31T23:59:59.999Z notice message key=value key="two words"`, with its LF.
    static func text(
        level: Logger.Level, message: String, metadata: Logger.Metadata = [:], time: timespec = now()
    ) -> String {
        var line = "\(stamp(time)) \(level) "
        append(message, to: &line)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            append(" \(key)=\(word("\(value)"))", to: &line)
        }
        return line + "\n"
    }

    /// `{"time":"2026-01-31T23:59:59.999Z","level":"notice","message":"...","key":"value"}`, with an LF.
    static func json(
        level: Logger.Level, message: String, metadata: Logger.Metadata = [:], time: timespec = now()
    ) -> String {
        var fields = [("time", stamp(time)), ("level", "\(level)"), ("message", message)]
        fields += metadata.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        let body = fields.map { "\(quoted($0.0)):\(quoted($0.1))" }.joined(separator: ",")
        return "{\(body)}\n"
    }

    /// Quoted where it could be taken for more than one.
    private static func word(_ value: String) -> String {
        let isPlain = !value.contains { $0.isWhitespace || $0 == "\"" || $0 == "=" }
        if isPlain, !value.isEmpty { return value }
        return "\"" + value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    static func now() -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time
    }

    private static func stamp(_ time: timespec) -> String {
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let date = [
            padded(Int(parts.tm_year) + 1900, 4), padded(Int(parts.tm_mon) + 1, 2), padded(Int(parts.tm_mday), 2),
        ]
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0), 2) }
        return date.joined(separator: "-") + "T" + clock.joined(separator: ":") + "."
            + padded(time.tv_nsec / 1_000_000, 3) + "Z"
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Whatever `text` holds.
    static func onOneLine(_ text: String) -> String {
        var line = ""
        append(text, to: &line)
        return line
    }

    private static func append(_ text: String, to line: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator, .format: line += scalar.escaped(asASCII: true)
            default: line.unicodeScalars.append(scalar)
            }
        }
    }
}
