// ServerSettings: one line of a pool's `servers:` list, cut as twemproxy cuts it: from the end.
// `host:port:weight[ name]` or `/path:weight[ name]`. Ring names decide placement, so they are twemproxy's to the byte.
// Not here: sorting servers and hashing their names (Hashing does both).

/// One server of a pool.
package struct ServerSettings: Sendable, Equatable {
    package enum Address: Sendable, Equatable, Hashable {
        /// `host` without brackets, as text; `port` is 1...65535.
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    package var line: Int
    /// Exactly as configured.
    package var text: String
    package var address: Address
    /// 1...2147483647
    package var weight: Int
    /// Nil when the line gives none.
    package var name: String?
    /// What the ring hashes: the name; else `host` when the port is 11211; else `host:port`; else `/path:`.
    package var ringName: String
    /// What logs show: the line without its name.
    package var displayName: String

    private static let form = "write host:port:weight, host:port:weight name, or /path:weight"
    private static let weightMax = Int(Int32.max)

    /// - Returns: the server, or what is wrong with `text` and what to do.
    static func parse(_ text: String, line: Int) -> Result<ServerSettings, Flaw> {
        var rest = text[...]
        var name: String?
        if let (head, tail) = splitLast(rest, at: " ") {
            guard !tail.isEmpty else { return .failure(Flaw("\"\(text)\" ends in a space", form)) }
            rest = head
            name = String(tail)
        }
        let displayName = String(rest)
        guard let (beforeWeight, weightText) = splitLast(rest, at: ":") else {
            return .failure(Flaw("\"\(text)\" has no weight", form))
        }
        let isUnix = text.hasPrefix("/")
        if !isUnix, !beforeWeight.contains(":") {
            return .failure(Flaw("\"\(text)\" has no weight", "\(form); a weight is needed, most often 1"))
        }
        guard weightText.utf8.allSatisfy({ (48...57).contains($0) }), let weight = Int(weightText) else {
            return .failure(Flaw("weight \"\(weightText)\" of \"\(text)\" is not a whole number", form))
        }
        guard weight >= 1 else {
            return .failure(
                Flaw("weight 0 of \"\(text)\" is below the minimum 1", "use 1, or remove the line"))
        }
        guard weight <= weightMax else {
            return .failure(
                Flaw("weight \(weight) of \"\(text)\" is above the maximum \(weightMax)", "use a smaller weight"))
        }

        let address: Address
        var ringName = String(beforeWeight)
        if isUnix {
            guard !beforeWeight.contains(":") else {
                return .failure(Flaw("the path of \"\(text)\" holds a ':'", "use a path without ':'"))
            }
            if let flaw = Flaw.ofSocketPath(ringName) { return .failure(flaw) }
            address = .unix(path: ringName)
            ringName += ":"  // twemproxy counts the colon in; leaving it out would move keys.
        } else {
            guard let (hostText, portText) = splitLast(beforeWeight, at: ":") else { preconditionFailure() }
            guard let port = ListenAddress.portNumber(portText) else {
                return .failure(Flaw("port \"\(portText)\" of \"\(text)\" is not a number 1...65535", form))
            }
            guard let host = ListenAddress.hostWithoutBrackets(hostText), !host.isEmpty else {
                return .failure(Flaw("host \"\(hostText)\" of \"\(text)\" is not a host name or address", form))
            }
            address = .tcp(host: host, port: port)
            if port == 11211 { ringName = String(hostText) }  // As libmemcached, so as twemproxy.
        }
        return .success(
            ServerSettings(
                line: line, text: text, address: address, weight: weight, name: name, ringName: name ?? ringName,
                displayName: displayName))
    }

    private static func splitLast(_ text: Substring, at mark: Character) -> (head: Substring, tail: Substring)? {
        guard let index = text.lastIndex(of: mark) else { return nil }
        return (text[..<index], text[text.index(after: index)...])
    }
}
