// Publish and subscribe: one upstream subscription for all listeners, on every shard, and messages between replies.

import Telemetry
import Testing
import Upstream

@testable import Session

@Suite struct EngineSubscriptionsTests {
    private static let hello = "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n"
    private static let subscribed = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
    private static let unsubscribed = "*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n"

    private func ear(_ rig: EngineRig, _ shard: Int) throws -> LineRef {
        try #require(rig.engine.subscriptions.ears[0]?[shard].line)
    }

    @Test func allListenersShareOneSubscriptionAShard() throws {
        let rig = try EngineRig()
        let (first, second) = (rig.connect(), rig.connect())
        #expect(rig.ask(first, "SUBSCRIBE", "c") == Self.subscribed)
        #expect(rig.ask(second, "SUBSCRIBE", "c") == Self.subscribed)
        for backend in rig.backends { #expect(backend.seen.filter { $0 == ["subscribe", "c"] }.count == 1) }
        first.got = []
        second.got = []
        rig.reply(try ear(rig, 1), Self.hello)
        #expect(first.text == Self.hello && second.text == Self.hello)
        #expect(rig.ask(first, "UNSUBSCRIBE") == Self.unsubscribed)
        #expect(first.ref.pointee.state == nil)
        rig.reply(try ear(rig, 0), Self.hello)
        #expect(second.text == Self.hello + Self.hello)
        rig.disconnect(second)
        #expect(rig.engine.subscriptions.topics.isEmpty)
        #expect(rig.engine.shared.census.isEmpty)
    }

    /// Goal: what was published before a client asked is not for it, though an older listener of the worker still gets
    /// it. Method: servers that answer late.
    @Test func aLaterListenerHearsNothingOlderThanItsRequest() throws {
        let rig = try EngineRig()
        let (first, second) = (rig.connect(), rig.connect())
        #expect(rig.ask(first, "SUBSCRIBE", "c") == Self.subscribed)
        for backend in rig.backends { backend.isFrozen = true }
        first.got = []
        #expect(rig.ask(second, "SUBSCRIBE", "c").isEmpty)
        rig.reply(try ear(rig, 1), Self.hello)
        #expect(first.text == Self.hello && second.text.isEmpty)
        for shard in 0..<3 { rig.thaw(shard) }
        #expect(second.text == Self.subscribed)
        rig.reply(try ear(rig, 1), Self.hello)
        #expect(second.text == Self.subscribed + Self.hello)
    }

    // MARK: Leaving

    /// Goal: a client that leaves is shown what was published before, then its reply, then the replies to what it asked
    /// behind; until then it is counted. Method: servers that answer late.
    @Test(arguments: ["UNSUBSCRIBE", "RESET"])
    func whatWasPublishedBeforeAClientLeavesComesBeforeTheReply(word: String) throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "SUBSCRIBE", "c") == Self.subscribed)
        for backend in rig.backends { backend.isFrozen = true }
        client.got = []
        rig.send(client, rig.request([Array(word.utf8)]) + rig.request("TIME") + rig.request("PING"))
        #expect(client.text.isEmpty)
        rig.reply(try ear(rig, 1), Self.hello)
        for shard in 0..<2 { rig.thaw(shard) }
        // Where there is a reply for each name it waits for that.
        #expect(client.text == (word == "RESET" ? Self.hello : ""))
        #expect(!rig.engine.shared.census.isEmpty)
        rig.thaw(2)
        let reply = word == "RESET" ? "+RESET\r\n" : Self.unsubscribed
        #expect(client.text.hasPrefix(Self.hello + reply + "*2\r\n") && client.text.hasSuffix("+PONG\r\n"))
        for backend in rig.backends { #expect(backend.seen.contains(["unsubscribe", "c"])) }
        #expect(rig.engine.shared.census.isEmpty && rig.engine.subscriptions.topics.isEmpty)
        #expect(client.ref.pointee.state == nil)
    }

    @Test func oneThatLeavesOthersBehindHearsAllUntilThen() throws {
        let rig = try EngineRig()
        let (first, second) = (rig.connect(), rig.connect())
        for client in [first, second] { #expect(rig.ask(client, "SUBSCRIBE", "c") == Self.subscribed) }
        for backend in rig.backends { backend.isFrozen = true }
        #expect(rig.ask(first, "UNSUBSCRIBE", "c").isEmpty)
        second.got = []
        rig.reply(try ear(rig, 1), Self.hello)
        for shard in 0..<3 { rig.thaw(shard) }
        #expect(first.text == Self.hello + Self.unsubscribed)
        rig.reply(try ear(rig, 1), Self.hello)
        #expect(first.text == Self.hello + Self.unsubscribed)
        #expect(second.text == Self.hello + Self.hello)
        for backend in rig.backends { #expect(!backend.seen.contains(["unsubscribe", "c"])) }
    }

    /// The last two leave at once: the second has the servers told.
    @Test func whenAllLeaveAtOnceTheServersAreToldBeforeAnybodyIs() throws {
        let rig = try EngineRig()
        let (first, second) = (rig.connect(), rig.connect())
        for client in [first, second] { #expect(rig.ask(client, "SUBSCRIBE", "c") == Self.subscribed) }
        for backend in rig.backends { backend.isFrozen = true }
        #expect(rig.ask(first, "UNSUBSCRIBE", "c").isEmpty)
        #expect(rig.ask(second, "UNSUBSCRIBE", "c").isEmpty)
        for shard in 0..<3 { rig.thaw(shard) }
        #expect(first.text == Self.unsubscribed && second.text == Self.unsubscribed)
        for backend in rig.backends { #expect(backend.seen.filter { $0 == ["unsubscribe", "c"] }.count == 1) }
        #expect(rig.engine.shared.census.isEmpty && rig.engine.subscriptions.topics.isEmpty)
    }

    /// The servers have been told that nobody listens, and have not answered.
    @Test func oneThatComesWhileTheLastLeavesIsSubscribedAnew() throws {
        let rig = try EngineRig()
        let (first, second) = (rig.connect(), rig.connect())
        #expect(rig.ask(first, "SUBSCRIBE", "c") == Self.subscribed)
        for backend in rig.backends { backend.isFrozen = true }
        #expect(rig.ask(first, "UNSUBSCRIBE", "c").isEmpty)
        #expect(rig.ask(second, "SUBSCRIBE", "c").isEmpty)
        rig.reply(try ear(rig, 2), Self.hello)
        #expect(first.text.isEmpty && second.text.isEmpty)
        for shard in 0..<3 { rig.thaw(shard) }
        #expect(first.text == Self.hello + Self.unsubscribed && second.text == Self.subscribed)
        for backend in rig.backends {
            let words = backend.seen.filter { $0.last == "c" }.map { $0[0] }
            #expect(words == ["subscribe", "unsubscribe", "subscribe"])
        }
        rig.reply(try ear(rig, 2), Self.hello)
        #expect(second.text == Self.subscribed + Self.hello)
        #expect(rig.ask(second, "UNSUBSCRIBE") == Self.unsubscribed)
        #expect(rig.engine.shared.census.isEmpty)
    }

    /// Goal: a client that changes its topic is subscribed to the new one at once, and its own message on the one that
    /// it left does not come back to it. Method: servers that answer late.
    @Test func whoLeavesJoinsAnotherTopicAtOnceAndSaysNothingBefore() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "SUBSCRIBE", "c") == Self.subscribed)
        for backend in rig.backends { backend.isFrozen = true }
        client.got = []
        rig.send(
            client,
            rig.request("UNSUBSCRIBE", "c") + rig.request("SUBSCRIBE", "d", "c") + rig.request("UNSUBSCRIBE")
                + rig.request("PUBLISH", "c", "mine"))
        rig.settle()
        for shard in 0..<3 {
            let line = try ear(rig, shard)
            let said = String(
                decoding: try #require(rig.connections.values.first { $0.line == line }).input, as: UTF8.self)
            let words = said.split(separator: "\r\n").filter { $0.hasSuffix("subscribe") }
            #expect(words == ["unsubscribe", "subscribe", "subscribe", "unsubscribe", "unsubscribe"])
        }
        for backend in rig.backends {
            backend.lie = { $0[0] == "PUBLISH" ? Array(":0\r\n".utf8) : nil }
        }
        for shard in 0..<3 { rig.thaw(shard) }
        let words = client.text.split(separator: "\r\n").filter { $0.hasSuffix("subscribe") || $0.hasPrefix(":") }
        #expect(words.prefix(5) == ["unsubscribe", ":0", "subscribe", ":1", "subscribe"])
        #expect(words.suffix(6) == [":2", "unsubscribe", ":1", "unsubscribe", ":0", ":0"])
        let spoken = rig.backends.map { $0.seen.map { $0[0] } }
        #expect(spoken.count { $0.last == "PUBLISH" } == 1 && spoken.joined().count { $0 == "PUBLISH" } == 1)
        #expect(rig.engine.shared.census.isEmpty && rig.engine.subscriptions.topics.isEmpty)
        #expect(client.ref.pointee.state == nil)
    }

    /// Goal: nobody is shown a message twice. Method: one server confirms late that the client left and came back, and
    /// another publishes meanwhile.
    @Test func whoComesBackHearsEachMessageOnce() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        _ = rig.ask(client, "SUBSCRIBE", "c")
        rig.backends[2].isFrozen = true
        client.got = []
        rig.send(client, rig.request("UNSUBSCRIBE", "c") + rig.request("SUBSCRIBE", "c"))
        rig.reply(try ear(rig, 1), Self.hello)
        rig.thaw(2)
        #expect(client.text == Self.unsubscribed + Self.subscribed + Self.hello)
    }

    /// Goal: messages that wait for a reply are counted like all that waits.
    @Test func aLeaverForWhomTooMuchWaitsIsCut() throws {
        let rig = try EngineRig(options: { $0.listenerHardBytesMax = 1_000 })
        let client = rig.connect()
        _ = rig.ask(client, "SUBSCRIBE", "c")
        rig.backends[2].isFrozen = true
        #expect(rig.ask(client, "UNSUBSCRIBE", "c").isEmpty)
        for _ in 0..<40 where client.isOpen { rig.reply(try ear(rig, 2), Self.hello) }
        #expect(!client.isOpen)
        rig.thaw(2)
        #expect(rig.engine.subscriptions.topics.isEmpty && rig.engine.shared.census.isEmpty)
    }

    @Test func aClientThatGoesAwayWhileItLeavesIsForgotten() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        _ = rig.ask(client, "SUBSCRIBE", "c")
        for backend in rig.backends { backend.isFrozen = true }
        #expect(rig.ask(client, "UNSUBSCRIBE", "c").isEmpty)
        rig.disconnect(client)
        for shard in 0..<3 { rig.thaw(shard) }
        #expect(rig.engine.shared.census.isEmpty && rig.engine.subscriptions.topics.isEmpty)
    }

    /// Goal: nothing points at a client that is gone, though it left its topic before it was told that it had joined.
    /// Method: no server can be reached, so nobody is told.
    @Test func aClientThatGoesAwayBeforeItHasJoinedIsForgotten() throws {
        let rig = try EngineRig()
        for backend in rig.backends { backend.isRefusing = true }
        let client = rig.connect()
        rig.send(client, rig.request("SUBSCRIBE", "c") + rig.request("UNSUBSCRIBE", "c"))
        #expect(client.text.isEmpty)
        rig.disconnect(client)
        #expect(rig.engine.subscriptions.waits.values.flatMap { $0 }.isEmpty)
    }

    @Test(arguments: [false, true]) func aShardThatDoesNotAnswerHoldsNobodyThatLeaves(isLost: Bool) throws {
        let rig = try EngineRig()
        let client = rig.connect()
        _ = rig.ask(client, "SUBSCRIBE", "c")
        rig.backends[1].isFrozen = true
        #expect(rig.ask(client, "UNSUBSCRIBE", "c").isEmpty)
        if isLost { rig.lose(try ear(rig, 1)) } else { rig.advance(ms: 1_500) }
        rig.engine.keepHouse()
        rig.settle()
        #expect(client.text == Self.unsubscribed)
    }

    // MARK: Messages

    @Test func messagesOfRESP3ArePushes() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        _ = rig.ask(client, "HELLO", "3")
        #expect(rig.ask(client, "SUBSCRIBE", "c") == ">" + Self.subscribed.dropFirst())
        #expect(rig.ask(client, "GET", "k") == "$-1\r\n")
        client.got = []
        rig.reply(try ear(rig, 2), Self.hello)
        #expect(client.text == ">" + Self.hello.dropFirst())
    }

    /// A message that comes while a reply is awaited stands behind that reply.
    @Test func aMessageNeverCutsAReply() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        _ = rig.ask(client, "HELLO", "3")
        _ = rig.ask(client, "SUBSCRIBE", "c")
        rig.backends[0].isFrozen = true
        client.got = []
        rig.send(client, rig.request("GET", "k"))
        rig.reply(try ear(rig, 0), Self.hello)
        #expect(client.text.isEmpty)
        rig.thaw(0)
        #expect(client.text == "$-1\r\n>" + Self.hello.dropFirst())
    }

    @Test func aListenerOfRESP2MayDoLittleElse() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        _ = rig.ask(client, "SUBSCRIBE", "c")
        #expect(rig.ask(client, "GET", "k").hasPrefix("-ERR Can't execute 'get': only (P|S)SUBSCRIBE"))
        #expect(rig.ask(client, "PING") == "*2\r\n$4\r\npong\r\n$0\r\n\r\n")
        #expect(rig.ask(client, "RESET") == "+RESET\r\n")
        #expect(rig.ask(client, "GET", "k") == "$-1\r\n")
    }

    @Test func aLostEarSubscribesAnew() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        _ = rig.ask(client, "SUBSCRIBE", "c")
        rig.lose(try ear(rig, 0))
        rig.advance(ms: 5_000)
        #expect(rig.backends[0].seen.filter { $0 == ["subscribe", "c"] }.count == 2)
        client.got = []
        rig.reply(try ear(rig, 0), Self.hello)
        #expect(client.text == Self.hello)
    }

    /// Goal: one who listens for each answer anew is heard by the servers at once. Method: another topic after the last
    /// was left, asked for while no server takes a new connection.
    @Test func theEarsStayForTheNextTopic() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "SUBSCRIBE", "other").contains("other"))
        #expect(rig.ask(client, "UNSUBSCRIBE").contains("unsubscribe"))
        for backend in rig.backends { backend.isRefusing = true }
        #expect(rig.ask(client, "SUBSCRIBE", "c") == Self.subscribed)
    }

    @Test func earsThatNobodyNeedsAreNotConnectedAgain() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        _ = rig.ask(client, "SUBSCRIBE", "c")
        _ = rig.ask(client, "UNSUBSCRIBE", "c")
        rig.lose(try ear(rig, 1))
        rig.settle()
        #expect(rig.engine.subscriptions.ears.isEmpty)
        client.got = []
        #expect(rig.ask(client, "SUBSCRIBE", "c") == Self.subscribed)
        client.got = []
        rig.reply(try ear(rig, 1), Self.hello)
        #expect(client.text == Self.hello)
    }

    @Test func aShardThatDoesNotConfirmHoldsNobodyForEver() throws {
        let rig = try EngineRig()
        rig.backends[1].lie = { $0[0] == "subscribe" ? [] : nil }
        let client = rig.connect()
        #expect(rig.ask(client, "SUBSCRIBE", "c").isEmpty)
        rig.advance(ms: 1_500)
        rig.engine.keepHouse()
        rig.settle()
        #expect(client.text == Self.subscribed)
    }

    @Test func aListenerThatTakesNothingIsCut() throws {
        let rig = try EngineRig(
            shardCount: 1,
            options: {
                $0.listenerHardBytesMax = 1_000
                $0.listenerSoftBytesMax = 500
            })
        let client = rig.connect()
        _ = rig.ask(client, "SUBSCRIBE", "c")
        client.windowBytes = 0
        for _ in 0..<40 where client.isOpen { rig.reply(try ear(rig, 0), Self.hello) }
        #expect(!client.isOpen)
        #expect(rig.counters.snapshot().pools[0].values[.clientsCut] == 1)
        #expect(rig.engine.subscriptions.topics.isEmpty)
    }
}
