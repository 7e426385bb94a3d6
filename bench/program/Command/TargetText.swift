// TargetText: `HOST:PORT`, `[::1]:PORT` or `/path/to.sock`, with a name in front if wanted: `keyway=127.0.0.1:22121`.

enum TargetText {
    static let portDefault = 22_121

    /// - Returns: the name if there is one, and the place.
    static func parse(_ text: String) throws(UsageError) -> (label: String?, place: Target.Place) {
        // A path may hold `=`; a name may not hold a slash.
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, !parts[0].contains("/") {
            guard !parts[0].isEmpty else { throw UsageError("--vs \(text): the name before = is empty") }
            return (String(parts[0]), try place(String(parts[1]), in: text))
        }
        return (nil, try place(text, in: text))
    }

    private static func place(_ text: String, in whole: String) throws(UsageError) -> Target.Place {
        if text.contains("/") {
            let path = text.hasPrefix("unix:") ? String(text.dropFirst(5)) : text
            return .unix(path: path)
        }
        var host = Substring(text)
        var portText = Substring("")
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw refusal(whole) }
            portText = rest.dropFirst()
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            portText = text[text.index(after: colon)...]
            guard !host.contains(":") else {
                throw UsageError("--vs \(whole): an IPv6 address goes in brackets, as in [::1]:6379")
            }
        }
        guard !host.isEmpty, let port = portText.isEmpty ? portDefault : Int(portText) else { throw refusal(whole) }
        try check(port: port, "--vs \(whole)")
        return .tcp(host: String(host), port: port)
    }

    static func check(port: Int, _ option: String) throws(UsageError) {
        guard (1...65_535).contains(port) else {
            throw UsageError("\(option): \(port) is no port; use 1 to 65535")
        }
    }

    private static func refusal(_ text: String) -> UsageError {
        UsageError("--vs \(text): use HOST:PORT, [IPv6]:PORT or a path with a slash, with NAME= before it if wanted")
    }
}
