import Foundation
import Platform
import Synchronization
import Testing

@testable import Admin

private func deadline(ms: Int) -> UInt64 { Clock.nowNs() + UInt64(ms) * 1_000_000 }

private func connect(_ server: StatsServer, host: String = "127.0.0.1") throws -> Int32 {
    let address = try SocketAddress.resolve(host: host, port: try #require(server.port), numericOnly: true)[0]
    return try Socket.connect(to: address, deadlineNs: deadline(ms: 5_000))
}

/// Everything until the server closes.
private func readAll(_ descriptor: Int32) throws -> String {
    defer { Socket.close(descriptor) }
    var bytes: [UInt8] = []
    while true {
        let part = try #require(Socket.receive(descriptor, countMax: 65_536, deadlineNs: deadline(ms: 5_000)))
        if part.isEmpty { return String(decoding: bytes, as: UTF8.self) }
        bytes += part
    }
}

@Test(arguments: ["127.0.0.1", "::1", "localhost"])
func everyConnectionGetsOneFreshLineAndTheEnd(host: String) throws {
    let count = Atomic(0)
    let server = StatsServer(host: host, port: 0) { "{\(count.add(1, ordering: .relaxed).newValue)}\n" }
    try server.start()
    defer { server.stop() }
    let target = host == "::1" ? host : "127.0.0.1"
    guard host != "localhost" || (try? connect(server, host: target)).map({ Socket.close($0) }) != nil else { return }
    let first = try readAll(connect(server, host: target))
    let second = try readAll(connect(server, host: target))
    #expect(first.hasPrefix("{") && first.hasSuffix("}\n"))
    #expect(first != second)
}

@Test func aLongAnswerArrivesWhole() throws {
    let answer = String(repeating: "0123456789", count: 500_000) + "\n"
    let server = StatsServer(host: "127.0.0.1", port: 0, sendTimeoutMs: 30_000) { answer }
    try server.start()
    defer { server.stop() }
    #expect(try readAll(connect(server)) == answer)
}

/// Goal: a client that never reads costs the next one a bounded wait.
/// Method: an answer larger than any socket buffer; the first client reads nothing, the second must be answered.
@Test func aStuckClientIsDroppedAndTheNextOneServed() throws {
    let answer = String(repeating: "x", count: 32 << 20)
    let server = StatsServer(host: "127.0.0.1", port: 0, sendTimeoutMs: 100) { answer }
    try server.start()
    defer { server.stop() }
    let stuck = try connect(server)
    defer { Socket.close(stuck) }
    let next = try connect(server)
    defer { Socket.close(next) }
    let bytes = Socket.receive(next, countMax: 16, deadlineNs: deadline(ms: 10_000))
    #expect(bytes?.count == 16)
}

@Test func aClientThatLeavesOrTalksAtOnceHarmsNobody() throws {
    let server = StatsServer(host: "127.0.0.1", port: 0) { "line\n" }
    try server.start()
    defer { server.stop() }
    for _ in 0..<50 { Socket.close(try connect(server)) }
    let talker = try connect(server)
    #expect(Socket.send(talker, all: Array("GET / HTTP/1.0\r\n\r\n".utf8), deadlineNs: deadline(ms: 1_000)))
    Socket.close(talker)
    #expect(try readAll(connect(server)) == "line\n")
}

@Test func aTakenPortIsAnErrorThatSaysWhatToDo() throws {
    let first = StatsServer(host: "127.0.0.1", port: 0) { "" }
    try first.start()
    defer { first.stop() }
    let port = try #require(first.port)
    let second = StatsServer(host: "127.0.0.1", port: port) { "" }
    let error = try #require(throws: StatsServerError.self) { try second.start() }
    #expect(error.description.contains("127.0.0.1, port \(port)"))
    #expect(error.description.contains("-s PORT"))
    second.stop()
}

@Test func anAddressThatIsNotOursIsAnError() {
    #expect(throws: StatsServerError.self) { try StatsServer(host: "192.0.2.1", port: 0) { "" }.start() }
}

@Test func afterStopThePortIsClosedAndStoppingTwiceIsHarmless() throws {
    let server = StatsServer(host: "127.0.0.1", port: 0) { "" }
    try server.start()
    let port = try #require(server.port)
    server.stop()
    server.stop()
    #expect(server.port == nil)
    let address = try SocketAddress.resolve(host: "127.0.0.1", port: port)[0]
    #expect(throws: SystemError.self) { try Socket.connect(to: address, deadlineNs: deadline(ms: 1_000)) }
}
