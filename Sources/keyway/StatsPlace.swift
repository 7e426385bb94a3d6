// StatsPlace: where the statistics port listens, by the flags and the config together. The flags win.

import Settings

struct StatsPlace: Equatable {
    let host: String
    let port: Int

    /// twemproxy's
    static let portDefault = 22_222
    /// twemproxy's
    static let hostDefault = "0.0.0.0"

    /// - Returns: nil when nothing asks for statistics.
    static func chosen(_ options: RunOptions, configured: ListenAddress?) -> StatsPlace? {
        var configuredPlace: StatsPlace?
        if case .tcp(let host, let port) = configured { configuredPlace = StatsPlace(host: host, port: port) }
        guard options.statsPort != nil || options.statsAddress != nil || configuredPlace != nil else { return nil }
        return StatsPlace(
            host: options.statsAddress ?? configuredPlace?.host ?? hostDefault,
            port: options.statsPort ?? configuredPlace?.port ?? portDefault)
    }

    /// `127.0.0.1:22222` or `[::1]:22222`
    var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
