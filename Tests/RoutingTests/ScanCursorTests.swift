import TestKit
import Testing
import Wire

@testable import Routing

/// A shard as SCAN sees it: keys in an order that each process draws anew, and cursors that are places in it.
private struct PlayedShard {
    var keys: Set<Int>
    var process: UInt64
    private func order() -> [Int] {
        keys.sorted { (scattered($0), $0) < (scattered($1), $1) }
    }
    private func scattered(_ key: Int) -> UInt64 {
        var mixer = SeededRandom(seed: process &* 0x9E37_79B9 ^ UInt64(key))
        return mixer.next()
    }
    var tag: UInt8 { ScanCursor.tag(ofHash: process) }

    /// A cursor is a key's place in the hash's space, so that keys that come and go move no other.
    func scan(_ cursor: UInt64, count: Int) -> (cursor: UInt64, keys: [Int]) {
        let rest = order().filter { scattered($0) >> 30 >= cursor }
        guard rest.count > count else { return (0, rest) }
        return (scattered(rest[count]) >> 30, Array(rest[..<count]))
    }
}

struct ScanCursorTests {
    private func cursor(_ text: String, ringTag: UInt8 = 5, shardCount: Int = 4) -> ScanCursor? {
        ScanCursor(Array(text.utf8), ringTag: ringTag, shardCount: shardCount)
    }

    @Test(arguments: ["", " ", "1 ", "-1", "x", "1x", "18446744073709551616", "+", "- 1", "0x10", "\0"])
    func whatIsNoCursorIsRefused(text: String) { #expect(cursor(text) == nil) }

    @Test(arguments: ["  1", "\t1", "+1", "01", "1\0", "1\0x", "-18446744073709551615"])
    func oneIsReadAsCReadsIt(text: String) { #expect(cursor(text, ringTag: 127) == cursor("1", ringTag: 127)) }

    @Test(arguments: ["-0", "-00001", " -1", "18446744073709551615"])
    func whatWrapsAroundIsACursor(text: String) { #expect(cursor(text) != nil) }

    @Test func zeroStartsAndZeroEnds() throws {
        let start = try #require(cursor("0"))
        #expect(start.shardIndex == 0 && start.cursor(forProcess: 9) == 0)
        let last = start.advanced(answer: 0, asked: 0, processTag: 9, shardCount: 1)
        #expect(last == .end)
        #expect(ScanCursor.replyHead(last) == Array("*2\r\n$1\r\n0\r\n".utf8))
    }

    @Test func theClientBringsBackWhatItGot() throws {
        let start = try #require(cursor("0"))
        guard case .more(let second) = start.advanced(answer: 77, asked: 0, processTag: 9, shardCount: 4) else {
            Issue.record("the iteration ended")
            return
        }
        let back = try #require(cursor(second.text))
        #expect(back == second && back.shardIndex == 0)
        #expect(back.cursor(forProcess: 9) == 77)
        #expect(back.cursor(forProcess: 10) == 0, "another process: this shard begins anew")
        let other = try #require(cursor(second.text, ringTag: 6))
        #expect(other == cursor("0", ringTag: 6), "another ring: all begins anew")
        #expect(cursor(second.text, shardCount: 1)?.cursor(forProcess: 9) == 77)
    }

    @Test func shardsFollowEachOther() throws {
        var now = try #require(cursor("0"))
        for shard in 0..<4 {
            #expect(now.shardIndex == shard)
            let step = now.advanced(answer: 0, asked: 0, processTag: 9, shardCount: 4)
            if case .more(let next) = step { now = try #require(cursor(next.text)) } else { #expect(shard == 3) }
        }
        #expect(cursor(String(UInt64(5) << 57 | 9 << 40), shardCount: 4)?.shardIndex == 0, "no such shard")
    }

    @Test func aRestartBetweenAskingAndAnswerIsSeen() throws {
        guard case .more(let at77)? = cursor("0")?.advanced(answer: 77, asked: 0, processTag: 9, shardCount: 4)
        else { return }
        guard case .more(let next) = at77.advanced(answer: 0, asked: 77, processTag: 10, shardCount: 4) else {
            Issue.record("the iteration ended")
            return
        }
        #expect(next.shardIndex == 0 && next.cursor(forProcess: 10) == 0)
        #expect(next.text != "0")
    }

    @Test func aCursorThatDoesNotFitIsSaid() throws {
        let start = try #require(cursor("0"))
        #expect(start.advanced(answer: 1 << 40, asked: 0, processTag: 9, shardCount: 4) == .tooLarge)
        guard case .more(let most) = start.advanced(answer: 1 << 40 - 1, asked: 0, processTag: 127, shardCount: 4)
        else {
            Issue.record("2^40 - 1 fits")
            return
        }
        #expect(cursor(most.text)?.cursor(forProcess: 127) == 1 << 40 - 1)
        let text = ScanCursor.tooLargeText(shard: "s1", answer: 1 << 40)
        #expect(text.contains("shard s1") && text.contains("1099511627776") && text.contains("1099511627775"))
    }

    @Test func tagsAreNeverZero() {
        var random = SeededRandom.announced()
        for _ in 0..<1000 { #expect((1...127).contains(ScanCursor.tag(ofHash: random.next()))) }
    }

    @Test func requestsAndRepliesAreRewritten() throws {
        let request = ["SCAN", "123", "MATCH", "*"].map { Array($0.utf8) }
        #expect(ScanCursor.request(request, cursor: 7)[1] == [UInt8(ascii: "7")])
        func answer(_ text: String) -> [UInt64] {
            Array(text.utf8).withUnsafeBufferPointer { bytes in
                let view = ByteView(start: bytes.baseAddress!, count: bytes.count)
                return ScanCursor.answer(in: view).map { [$0.cursor, UInt64($0.keysOffset)] } ?? []
            }
        }
        #expect(answer("*2\r\n$2\r\n17\r\n*1\r\n$1\r\nk\r\n") == [17, 12])
        #expect(answer("*2\r\n$2\r\nxx\r\n*0\r\n").isEmpty)
        #expect(answer("*1\r\n$2\r\n17\r\n").isEmpty)
        #expect(answer("-ERR x\r\n").isEmpty)
        #expect(answer("*2\r\n:17\r\n*0\r\n").isEmpty)
        #expect(answer("*2\r\n").isEmpty)
    }

    /// Goal: every key that is there throughout is returned at least once, whatever restarts or reloads.
    /// Method: played shards whose processes and keys change at random between two calls, and rings that change twice.
    @Test func everyKeyThatStaysIsReturned() {
        var random = SeededRandom.announced()
        for round in 0..<300 {
            var shards = (0..<(1 + random.below(5))).map { index in
                PlayedShard(
                    keys: Set((0..<random.below(60)).map { _ in index * 1000 + random.below(500) }),
                    process: random.next())
            }
            let staying = Set(shards.flatMap(\.keys))
            var seen = Set<Int>()
            var text = "0"
            var ringTag: UInt8 = 3
            var changesLeft = 6
            repeat {
                let disturbed = random.below(shards.count)
                if changesLeft > 0, random.below(4) == 0 {
                    changesLeft -= 1
                    if random.below(3) == 0 {
                        ringTag = ringTag % 127 + 1
                    } else {
                        restart(&shards[disturbed], &random)
                    }
                }
                shards[disturbed].keys.insert(disturbed * 1000 + 500 + random.below(500))
                guard let cursor = cursor(text, ringTag: ringTag, shardCount: shards.count) else {
                    Issue.record("round \(round): \(text) was refused")
                    return
                }
                let shard = cursor.shardIndex
                let asked = cursor.cursor(forProcess: shards[shard].tag)
                if changesLeft > 0, random.below(8) == 0 {
                    changesLeft -= 1
                    restart(&shards[shard], &random)
                }
                let answer = shards[shard].scan(asked, count: 1 + random.below(10))
                seen.formUnion(answer.keys)
                let step = cursor.advanced(
                    answer: answer.cursor, asked: asked, processTag: shards[shard].tag, shardCount: shards.count)
                switch step {
                case .more(let next): text = next.text
                case .end: text = "0"
                case .tooLarge: Issue.record("round \(round): too large")
                }
            } while text != "0"
            #expect(staying.isSubset(of: seen), "round \(round)")
        }
    }

    /// A new process with another tag; one tag in 127 would be the same, which no cursor can see.
    private func restart(_ shard: inout PlayedShard, _ random: inout SeededRandom) {
        let tag = shard.tag
        while shard.tag == tag { shard.process = random.next() }
    }
}
