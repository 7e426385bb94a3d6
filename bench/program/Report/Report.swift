// Report: the door to all reports: which there are, and where one is written to.
// A report is a function of the result alone; writing is the only thing here that can fail.
// Not here: what a report says (one file a format).

import Glibc
import Platform

struct ReportError: Error, Equatable, CustomStringConvertible {
    let description: String
}

enum Report: String, CaseIterable, Sendable {
    case table, json, csv, prometheus, html

    /// Those that every format shows.
    static let percentiles: [Double] = [50, 75, 90, 95, 99, 99.9, 99.99, 99.999]

    /// As a whole number; there is no memory above the limit.
    static func bytes(_ size: Double) -> UInt64 { UInt64(min(max(0, size), 1e18)) }

    func text(of result: RunResult) -> String {
        switch self {
        case .table: TableReport.text(of: result)
        case .json: JSONReport.text(of: result)
        case .csv: CSVReport.text(of: result)
        case .prometheus: PrometheusReport.text(of: result)
        case .html: HTMLReport.text(of: result)
        }
    }

    /// - Parameter path: where to; `-` is standard output. What was in the file is replaced.
    func write(_ result: RunResult, to path: String) throws(ReportError) {
        try Self.write(text(of: result), to: path, name: rawValue)
    }

    /// Tries whether a file can be written, so that nobody measures for an hour for nothing. An existing file stays as
    /// it is.
    static func probe(_ path: String) throws(ReportError) {
        guard path != "-" else { return }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(path, errno) }
        close(descriptor)
    }

    private static func write(_ text: String, to path: String, name: String) throws(ReportError) {
        let isOutput = path == "-"
        let descriptor = isOutput ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(path, errno) }
        var number = Terminal.write(Array(text.utf8), to: descriptor).failure
        // Some file systems tell only now that nothing fitted.
        if !isOutput && close(descriptor) != 0 && number == 0 { number = errno }
        if number != 0 { throw failure(isOutput ? "standard output" : path, number) }
    }

    private static func failure(_ path: String, _ number: Int32) -> ReportError {
        ReportError(description: "\(path): the report cannot be written: \(String(cString: strerror(number)))")
    }
}

extension Target.Place {
    /// `host:port`, with brackets around an IPv6 address, or the path of the socket.
    var text: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }
}
