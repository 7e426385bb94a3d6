import Testing

@testable import Admin

private let token = "0123456789abcdef"

private func status(
    _ method: String, path: String = "/api/overview",
    gate: AdminGate = AdminGate(hostNames: ["k.example"], token: token),
    _ headers: String...
) throws -> HTTPStatus? {
    let head = ([method + " " + path + " HTTP/1.1"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
    guard case .complete(let request, _) = HTTPRequest.read(Array(head.utf8)) else {
        throw Missing()
    }
    return gate.refusal(of: request)?.status
}

private struct Missing: Error {}

@Test(arguments: [
    "localhost", "LOCALHOST:1", "127.0.0.1:22180", "10.0.0.7", "[::1]:22180", "[2001:db8::1]", "k.example:80",
    "K.example",
])
func namesThatNobodyElseCanMakeAreOurs(host: String) throws {
    #expect(try status("GET", "Host: \(host)") == nil)
}

/// Goal: a page whose name was made to lead here gets nothing.
@Test(arguments: ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "1.2.3", "256.1.1.1", "", "[::1"])
func otherNamesAreRefused(host: String) throws {
    #expect(try status("GET", "Host: \(host)") == .misdirected)
    #expect(try status("POST", "Host: \(host)", "Authorization: Bearer \(token)") == .misdirected)
}

@Test func aRequestWithoutAHostIsRefused() throws { #expect(try status("GET") == .misdirected) }

@Test func pagesOfOtherOriginsAreRefused() throws {
    let host = "Host: localhost:1"
    #expect(try status("GET", host, "Origin: http://localhost:1") == nil)
    for origin in ["http://evil.example", "null", "http://localhost:2", "http://localhost"] {
        #expect(try status("GET", host, "Origin: \(origin)") == .forbidden, "\(origin)")
        #expect(try status("POST", host, "Origin: \(origin)", "Authorization: Bearer \(token)") == .forbidden)
    }
    #expect(try status("GET", host, "Sec-Fetch-Site: cross-site") == .forbidden)
    #expect(try status("GET", path: "/", host, "Sec-Fetch-Site: cross-site") == nil, "a link to the page")
    #expect(try status("POST", path: "/", host, "Sec-Fetch-Site: cross-site") == .forbidden)
    #expect(try status("GET", host, "Sec-Fetch-Site: same-origin") == nil)
}

@Test func actionsNeedTheToken() throws {
    let host = "Host: localhost"
    #expect(try status("POST", host, "Authorization: Bearer \(token)") == nil)
    for given in ["Bearer \(token)x", "Bearer 0123456789abcdeF", "Bearer ", "Basic \(token)", token] {
        #expect(try status("POST", host, "Authorization: \(given)") == .unauthorized, "\(given)")
    }
    #expect(try status("POST", host) == .unauthorized)
    #expect(
        try status("POST", gate: AdminGate(hostNames: [], token: nil), host, "Authorization: Bearer ") == .forbidden)
    #expect(try status("DELETE", host, "Authorization: Bearer \(token)") == .methodNotAllowed)
}

extension HTTPResponse {
    fileprivate var text: String { String(decoding: bytes(keepsAlive: true), as: UTF8.self) }
}

@Test func noAnswerLetsAnotherOriginRead() {
    for response in [HTTPResponse(.ok, "x"), HTTPResponse(streamBeginningWith: [1])] {
        #expect(!response.text.lowercased().contains("access-control"))
        #expect(response.text.contains("Content-Security-Policy: default-src 'none'"))
        #expect(response.text.contains("X-Frame-Options: DENY"))
    }
}
