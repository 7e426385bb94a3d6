import Testing

@testable import keyway_bench

struct OperationSourceTests {
    private func first(_ command: String, _ change: (inout WorkloadOptions) -> Void = { _ in }) throws -> String {
        let drawn = try source {
            $0.commands = [command]
            $0.distribution = .sequential
            $0.valueSize = .fixed(3)
            change(&$0)
        }
        return drawn.drawText(connectionIndex: 5)!
    }

    @Test func keysArePrefixAndTwelveDigits() throws {
        let drawn = try source {
            $0.mix = "get"
            $0.distribution = .sequential
        }
        #expect(
            drawn.draw().map { String(decoding: $0.bytes, as: UTF8.self) }
                == "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n")
        #expect(drawn.drawText() == "*2 $3 GET $16 key:000000000001")
    }

    @Test func prefixAndDigitsAreSettable() throws {
        #expect(
            try first("GET {key}") {
                $0.keyPrefix = "{u}:"
                $0.keyDigits = 7
            } == "*2 $3 GET $11 {u}:0000000")
        #expect(try first("GET {key:h:}x{key+z:}") == "*2 $3 GET $33 h:000000000000xkey:z:000000000001")
    }

    @Test func everyOccurrenceOfAKeyIsDrawnAnewAndSameKeyIsNot() throws {
        #expect(
            try first("MSET {key} a {key} b; GET {samekey}")
                == "*5 $4 MSET $16 key:000000000000 $1 a $16 key:000000000001 $1 b *2 $3 GET $16 key:000000000001")
    }

    @Test func numbersHaveHeadersOfTheirLength() throws {
        #expect(
            try first("A {random:7-7} {random:-12--12} {thread} {connection} {seq} {ttl} {elements} {last-element}")
                == "*9 $1 A $1 7 $3 -12 $1 0 $1 5 $1 0 $4 3600 $2 10 $1 9")
        #expect(try first("A a{seq}b{random:1234-1234}c x") == "*3 $1 A $8 a0b1234c $1 x")
        #expect(try first("A x{value}{key}").hasPrefix("*2 $1 A $20 x"))
        #expect(try first("A '' \"\\x00\"") == "*3 $1 A $0  $1 \u{0}")
    }

    @Test func timeIsMillisecondsSince1970() throws {
        let words = try first("A {time}").split(separator: " ")
        #expect(Int(words[4])! > 1_700_000_000_000 && words[3] == "$13")
    }

    @Test func randomNumbersReachBothEndsAndNoFurther() throws {
        let drawn = try source { $0.commands = ["A {random:-2-2}"] }
        let seen = Set((0..<500).map { _ in String(drawn.drawText()!.split(separator: " ").last!) })
        #expect(seen == ["-2", "-1", "0", "1", "2"])
        let widest = try source { $0.commands = ["A {random:\(Int.min)-\(Int.max)}"] }
        for _ in 0..<100 { #expect(Int(widest.drawText()!.split(separator: " ").last!) != nil) }
    }

    @Test func sequencesOfThreadsNeverMeet() throws {
        var seen: Set<String> = []
        for thread in 0..<3 {
            let drawn = try source(threadIndex: thread, threadCount: 3) { $0.commands = ["A {seq}"] }
            for _ in 0..<50 { seen.insert(drawn.drawText()!) }
        }
        #expect(seen.count == 150)
    }

    @Test func valuesHaveTheSizeAskedForAndAreNotAllAlike() throws {
        for size in [0, 1, 5, 32_768, 32_769, 100_000] {
            let drawn = try source {
                $0.mix = "set"
                $0.valueSize = .fixed(size)
            }
            let values = (0..<3).map { _ in commands(drawn.draw()!.bytes)[0][2] }
            #expect(values.allSatisfy { $0.count == size })
            if size > 4 { #expect(Set(values).count == 3) }
        }
    }

    @Test func presetsAreWrittenAsDocumented() throws {
        func text(_ mix: String, ttlS: ClosedRange<Int>? = nil) throws -> String {
            let drawn = try source {
                $0.mix = mix
                $0.distribution = .sequential
                $0.valueSize = .fixed(0)
                $0.keysPerCommand = 2
                $0.keyDigits = 1
                $0.keyCount = 10
                $0.elementsPerKey = 1
                $0.ttlS = ttlS
            }
            return drawn.drawText()!
        }
        #expect(try text("set", ttlS: 60...60) == "*5 $3 SET $5 key:0 $0  $2 EX $2 60")
        #expect(try text("setex") == "*4 $5 SETEX $5 key:0 $4 3600 $0 ")
        #expect(try text("mget") == "*3 $4 MGET $5 key:0 $5 key:1")
        #expect(try text("mset") == "*5 $4 MSET $5 key:0 $0  $5 key:1 $0 ")
        #expect(try text("multi") == "*1 $5 MULTI *3 $3 SET $5 key:0 $0  *2 $3 GET $5 key:0 *1 $4 EXEC")
        #expect(try text("hset") == "*4 $4 HSET $10 key:hash:0 $7 field:0 $0 ")
        #expect(try text("lrange") == "*4 $6 LRANGE $10 key:list:0 $1 0 $1 0")
        #expect(
            try text("eval")
                == "*4 $4 EVAL $35 return redis.call('GET', KEYS[1]) $1 1 $5 key:0"
                .replacing("$35", with: "$33"))
    }

    @Test func theMixIsDrawnByWeight() throws {
        let drawn = try source { $0.mix = "get=7,set=2,ping=1" }
        var counts = [0, 0, 0]
        for _ in 0..<50_000 { counts[Int(drawn.draw()!.kind)] += 1 }
        #expect(abs(counts[0] - 35_000) < 520 && abs(counts[1] - 10_000) < 450 && abs(counts[2] - 5000) < 340)
    }

    @Test func theSameSeedSendsTheSameBytes() throws {
        func bytes(_ seed: UInt64, _ thread: Int) throws -> [UInt8] {
            let drawn = try source(threadIndex: thread, threadCount: 2) {
                $0.mix = "string,hash,zset"
                $0.seed = seed
            }
            return (0..<100).flatMap { _ in drawn.draw()!.bytes }
        }
        #expect(try bytes(1, 0) == bytes(1, 0))
        #expect(try bytes(1, 0) != bytes(2, 0))
        #expect(try bytes(1, 0) != bytes(1, 1))
    }

    @Test func fillsWriteEveryKeyOfEveryTypeOnce() throws {
        var seen: [String: Int] = [:]
        for thread in 0..<3 {
            let drawn = try source(threadIndex: thread, threadCount: 3) {
                $0.mix = "get,hget,incr,lpop,smembers,zadd,xlen,multi,append"
                $0.keyCount = 10
                $0.elementsPerKey = 2
            }
            while let fill = drawn.drawFill() {
                let command = commands(fill.bytes)[0]
                let name = String(decoding: command[0], as: UTF8.self)
                let key = String(decoding: command[1], as: UTF8.self)
                seen["\(name) \(key.dropLast(12))", default: 0] += 1
            }
            #expect(drawn.drawFillText() == nil)
        }
        #expect(
            seen == [
                "SET key:": 10, "HSET key:hash:": 10, "SET key:counter:": 10, "RPUSH key:list:": 10,
                "SADD key:set:": 10,
                "ZADD key:zset:": 10, "XADD key:stream:": 10, "SET key:append:": 10,
            ])
    }

    @Test func fillsOfUnknownCommandsAreLeftToTheUser() throws {
        #expect(try Workload(options { $0.commands = ["PFADD {key:h:} a"] }).fillCount == 0)
        let drawn = try source {
            $0.commands = ["GET {key:mine:}"]
            $0.keyCount = 1
            $0.valueSize = .fixed(0)
        }
        #expect(drawn.drawFillText() == "*3 $3 SET $17 mine:000000000000 $0 ")
        #expect(drawn.drawFillText() == nil)
    }

    @Test(arguments: [
        ("+OK\r\n", Judgement.good), ("$-1\r\n", .miss), ("*-1\r\n", .miss), ("_\r\n", .miss), ("-ERR no\r\n", .error),
        ("!6\r\nERR no\r\n", .error), ("$5\r\n", .good), (":0\r\n", .good), ("*0\r\n", .good), ("$0\r\n\r\n", .good),
    ]) func firstBytesAreJudged(reply: String, judgement: Judgement) throws {
        let drawn = try source()
        #expect(!drawn.needsWholeReplies)
        let operation = drawn.draw()!
        #expect(drawn.judge(operation, reply) == judgement && operation.repliesLeft == 0)
    }

    @Test func anMGETWithAnyNilIsOneMiss() throws {
        let drawn = try source { $0.mix = "mget" }
        for (reply, judgement) in [
            ("*2\r\n$1\r\na\r\n$1\r\nb\r\n", Judgement.good), ("*2\r\n$-1\r\n$1\r\nb\r\n", .miss),
            ("*2\r\n_\r\n_\r\n", .miss),
            ("-ERR\r\n", .error),
        ] {
            let operation = drawn.draw()!
            #expect(drawn.judge(operation, reply) == judgement)
        }
    }

    @Test func aTransactionHasFourRepliesAndFailsByEXEC() throws {
        for (exec, judgement) in [
            ("*2\r\n+OK\r\n$1\r\na\r\n", Judgement.good), ("*-1\r\n", .error), ("_\r\n", .error),
            ("*2\r\n+OK\r\n-WRONGTYPE x\r\n", .error), ("*2\r\n+OK\r\n$-1\r\n", .miss), ("-EXECABORT x\r\n", .error),
        ] {
            let drawn = try source { $0.mix = "transaction" }
            let operation = drawn.draw()!
            #expect(operation.repliesLeft == 4)
            for reply in ["+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n"] { #expect(drawn.judge(operation, reply) == .good) }
            #expect(drawn.judge(operation, exec) == judgement, "\(exec)")
            #expect(operation.repliesLeft == 0)
            if exec == "*-1\r\n" {
                #expect(drawn.lastComplaint.contains(#"EXEC did not execute the transaction whole: "*-1\r\n""#))
            }
        }
    }
}
