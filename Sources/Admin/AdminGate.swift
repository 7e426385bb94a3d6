// AdminGate: who may ask what. Reading is for everybody who reaches the port by an address, `localhost` or a name that
// the config gives: a page that made its own name lead here (DNS rebinding) asks by that name and is refused. A page of
// another origin is refused outright, and no answer carries a header that would let it read. What changes something
// needs the token of the config, in a header that no page can send to another origin unasked.
// Not here: what is answered (AdminDesk).

struct AdminGate: Sendable {
    /// In lower case, without ports.
    let hostNames: [String]
    let token: String?

    init(hostNames: [String], token: String?) {
        self.hostNames = hostNames
        self.token = token
    }

    /// Why the request is not taken; nil: it is.
    func refusal(of request: HTTPRequest) -> HTTPResponse? {
        guard let host = request.header("host"), isOurs(host) else {
            return HTTPResponse(
                .misdirected, "this port is asked by an address, localhost, or a name in keyway.admin_hosts")
        }
        if let origin = request.header("origin")?.lowercased(), origin != "http://\(host.lowercased())",
            origin != "https://\(host.lowercased())"
        {
            return HTTPResponse(.forbidden, "pages of other origins may not ask here")
        }
        let site = request.header("sec-fetch-site")
        // A link that leads to the page itself is all that another site may have.
        if site == "cross-site" || site == "same-site", !(request.method == "GET" && request.path.isEmpty) {
            return HTTPResponse(.forbidden, "pages of other origins may not ask here")
        }
        switch request.method {
        case "GET", "HEAD": return nil
        case "POST": return refusalOfAction(request)
        default:
            var response = HTTPResponse(.methodNotAllowed, "use GET, HEAD or POST")
            response.headers.append(("Allow", "GET, HEAD, POST"))
            return response
        }
    }

    private func refusalOfAction(_ request: HTTPRequest) -> HTTPResponse? {
        guard let token else {
            return HTTPResponse(.forbidden, "nothing can be changed here: keyway.admin_token is not set")
        }
        let prefix = "Bearer "
        guard let given = request.header("authorization"), given.hasPrefix(prefix),
            Self.isEqual(Array(given.utf8.dropFirst(prefix.utf8.count)), Array(token.utf8))
        else {
            var response = HTTPResponse(.unauthorized, "send the header Authorization: Bearer <keyway.admin_token>")
            response.headers.append(("WWW-Authenticate", "Bearer"))
            return response
        }
        return nil
    }

    private func isOurs(_ host: String) -> Bool {
        let name = Self.withoutPort(host.lowercased())
        return name == "localhost" || Self.isAddress(name) || hostNames.contains(String(name))
    }

    private static func withoutPort(_ host: String) -> Substring {
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return "" }
            return host[host.index(after: host.startIndex)..<end]
        }
        return host.prefix { $0 != ":" }
    }

    /// `10.0.0.7` or `::1`: nobody can make such a name lead elsewhere.
    private static func isAddress(_ name: Substring) -> Bool {
        if name.contains(":") { return name.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." } }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                part.utf8.allSatisfy { (48...57).contains($0) } && part.count <= 3 && UInt8(part) != nil
            }
    }

    /// Takes as long whatever differs, so that time tells nothing of the token.
    private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        var difference = left.count ^ right.count
        for index in left.indices { difference |= Int(left[index] ^ right[index % right.count]) }
        return difference == 0
    }
}
