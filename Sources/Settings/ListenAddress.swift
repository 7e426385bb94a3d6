// ListenAddress: where a pool or the stats port accepts connections.
// Forms as in twemproxy: `host:port` split at the last ':', or `/path` with an optional octal mode; and `[IPv6]:port`.
// Not here: name resolution; a host is kept as text.

/// Where to listen.
package enum ListenAddress: Sendable, Equatable, Hashable {
    /// `host` without brackets; `0.0.0.0` where the file left it empty. `port` is 1...65535.
    case tcp(host: String, port: Int)
    /// `mode` is 0...0o777; nil leaves it to the process's umask.
    case unix(path: String, mode: Int?)

    /// Longest path that a unix socket address holds on Linux, in bytes, without the closing NUL.
    package static let pathSizeMax = 107

    /// - Returns: the address, or what is wrong with `text` and what to do.
    static func parse(_ text: String) -> Result<ListenAddress, Flaw> {
        text.hasPrefix("/") ? parseUnix(text) : parseTCP(text)
    }

    private static func parseUnix(_ text: String) -> Result<ListenAddress, Flaw> {
        guard let space = text.lastIndex(of: " ") else { return unix(path: text, mode: nil) }
        let modeText = text[text.index(after: space)...]
        guard modeText.allSatisfy({ ("0"..."7").contains($0) }), let mode = Int(modeText, radix: 8), mode <= 0o777
        else {
            return .failure(
                Flaw("mode \"\(modeText)\" is not an octal number 0...0777", "write /path 0660, or /path alone"))
        }
        return unix(path: String(text[..<space]), mode: mode)
    }

    private static func unix(path: String, mode: Int?) -> Result<ListenAddress, Flaw> {
        Flaw.ofSocketPath(path).map { .failure($0) } ?? .success(.unix(path: path, mode: mode))
    }

    private static func parseTCP(_ text: String) -> Result<ListenAddress, Flaw> {
        guard let colon = text.lastIndex(of: ":") else {
            guard portNumber(text[...]) == nil else {
                return .failure(
                    Flaw(
                        "\"\(text)\" has no address",
                        "write 127.0.0.1:\(text) for this machine only, 0.0.0.0:\(text) for all others too"))
            }
            return .failure(Flaw("\"\(text)\" has no port", "write host:port, [IPv6]:port or /path"))
        }
        let portText = text[text.index(after: colon)...]
        guard let port = portNumber(portText) else {
            return .failure(Flaw("port \"\(portText)\" is not a number 1...65535", "write host:port"))
        }
        guard let host = hostWithoutBrackets(text[..<colon]) else {
            return .failure(Flaw("host \"\(text[..<colon])\" is not a host name or address", "write host:port"))
        }
        return .success(.tcp(host: host.isEmpty ? "0.0.0.0" : host, port: port))
    }

    /// - Returns: nil unless `text` is decimal digits of a number 1...65535.
    static func portNumber(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(text), (1...65535).contains(port)
        else { return nil }
        return port
    }

    /// - Returns: the inside of `[...]`, or `text` itself; nil for unpaired brackets and white space.
    static func hostWithoutBrackets(_ text: Substring) -> String? {
        guard !text.contains(where: \.isWhitespace) else { return nil }
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]") && text.count > 2
        let host = isBracketed ? text.dropFirst().dropLast() : text
        return host.contains(where: { $0 == "[" || $0 == "]" }) ? nil : String(host)
    }
}
