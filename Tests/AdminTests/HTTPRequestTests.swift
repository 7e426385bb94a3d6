import Testing

@testable import Admin

private func bytes(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }

private func complete(_ text: String) -> (HTTPRequest, Int)? {
    guard case .complete(let request, let sizeBytes) = HTTPRequest.read(bytes(text)) else { return nil }
    return (request, sizeBytes)
}

private func refusal(_ bytes: [UInt8]) -> HTTPStatus? {
    guard case .refused(let status) = HTTPRequest.read(bytes) else { return nil }
    return status
}

@Test func aRequestIsReadToItsEndAndNoFurther() throws {
    let text =
        "POST /api/a%20b/c?key=x%00y+z&pool=p&empty HTTP/1.1\nHost: h:1\nX-One:  two \nContent-Length: 3\n\nabcGET /"
    let (request, sizeBytes) = try #require(complete(text))
    #expect(request.method == "POST" && request.path == ["api", "a b", "c"])
    #expect(request.query("key") == Array("x\0y z".utf8) && request.queryText("pool") == "p")
    #expect(request.queryText("empty") == "" && request.query("none") == nil)
    #expect(request.header("host") == "h:1" && request.header("x-one") == "two" && request.keepsAlive)
    #expect(sizeBytes == bytes(text).count - "GET /".utf8.count)
}

/// Goal: a request that is cut anywhere is waited for, never misread.
@Test func everyFrontOfARequestIsIncomplete() {
    let whole = bytes("GET /x HTTP/1.1\nHost: h\nContent-Length: 2\n\nab")
    for count in 0..<whole.count {
        guard case .incomplete = HTTPRequest.read(Array(whole[..<count])) else {
            Issue.record("\(count) bytes are taken for more than a front")
            continue
        }
    }
}

@Test(arguments: [
    ("GET / HTTP/1.0\n\n", false), ("GET / HTTP/1.0\nConnection: keep-alive\n\n", true),
    ("GET / HTTP/1.1\nConnection: close\n\n", false), ("GET / HTTP/1.1\n\n", true),
])
func theConnectionStaysAsTheVersionAndTheHeaderSay(text: String, keepsAlive: Bool) throws {
    #expect(try #require(complete(text)).0.keepsAlive == keepsAlive)
}

@Test(arguments: [
    "GET /\n\n", "GET / HTTP/2\n\n", "GET x HTTP/1.1\n\n", "GET http://h/ HTTP/1.1\n\n", "GET  / HTTP/1.1\n\n", "\n\n",
    "GET / HTTP/1.1\nno colon\n\n", "GET / HTTP/1.1\nName : value\n\n", "GET / HTTP/1.1\n: value\n\n",
    "GET / HTTP/1.1\n folded\n\n", "GET / HTTP/1.1\nHost: a\nHost: b\n\n", "GET /%zz HTTP/1.1\n\n",
    "GET /%f HTTP/1.1\n\n",
    "POST / HTTP/1.1\nContent-Length: 1\nContent-Length: 1\n\na", "POST / HTTP/1.1\nContent-Length: -1\n\n",
    "POST / HTTP/1.1\nContent-Length: 1x\n\n", "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n0\n\n",
])
func whatTwoReadersCouldReadDifferentlyIsRefused(text: String) {
    #expect(refusal(bytes(text)) == .badRequest)
}

@Test func sizesHaveLimits() {
    let long = String(repeating: "a", count: HTTPRequest.headBytesMax)
    #expect(refusal(bytes("GET / HTTP/1.1\nX: \(long)\n\n")) == .headTooLarge)
    #expect(refusal(bytes("GET / HTTP/1.1\nX: \(long)")) == .headTooLarge, "not waited for to its end")
    let tooLong = HTTPRequest.bodyBytesMax + 1
    #expect(refusal(bytes("POST / HTTP/1.1\nContent-Length: \(tooLong)\n\n")) == .bodyTooLarge)
}
