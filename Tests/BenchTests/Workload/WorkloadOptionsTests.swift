import Testing

@testable import keyway_bench

struct WorkloadOptionsTests {
    private func refusal(_ change: (inout WorkloadOptions) -> Void) -> String {
        failureText { _ = try Workload(options(change)) }
    }

    @Test func numbersOutsideOfTheirRangeAreRefused() {
        #expect(refusal { $0.keyCount = 0 }.contains("--keys: 0 is outside of 1 to"))
        #expect(
            refusal {
                $0.keyDigits = 3
                $0.keyCount = 1001
            }.contains("1,000, as many as 3 digits can number"))
        #expect(refusal { $0.keyDigits = 19 }.contains("--key-digits: 19 is outside of 1 to 18"))
        #expect(refusal { $0.keysPerCommand = 0 }.contains("--keys-per-command: 0"))
        #expect(refusal { $0.elementsPerKey = 0 }.contains("--elements: 0"))
        #expect(refusal { $0.keyPrefix = String(repeating: "x", count: 1025) }.contains("1025 is outside"))
        #expect(refusal { $0.commandRatios = [1] }.contains("--command-ratio is given 1 times"))
        for ratio in [0, -1, .nan, .infinity] {
            #expect(
                refusal {
                    $0.commands = ["PING"]
                    $0.commandRatios = [ratio]
                }.contains("not above 0"))
        }
    }

    @Test func whatDoesNotGoTogetherIsRefused() {
        #expect(refusal { $0.isTraceLooped = true }.contains("needs --trace"))
        #expect(
            refusal {
                $0.tracePath = "f"
                $0.mix = "get"
            }.contains("does not go with"))
        #expect(
            refusal {
                $0.mix = "mset"
                $0.ttlS = 1...1
            }.contains("MSET takes no expiry"))
    }

    @Test func whatCannotBeVerifiedIsRefused() {
        func refusal(_ change: (inout WorkloadOptions) -> Void) -> String {
            self.refusal {
                $0.isVerified = true
                change(&$0)
            }
        }
        #expect(refusal { $0.valueSize = .fixed(60) }.contains("60 bytes is below the minimum of 61"))
        #expect(
            refusal { $0.valueSize = .weighted([.init(sizeBytes: 9, weight: 1)]) }.contains("--value-size 61 or above"))
        #expect(refusal { $0.keyPrefix = "averylongprefix:" }.contains("minimum of 73"))
        #expect(refusal { $0.tracePath = "f" }.contains("a trace cannot be verified"))
        #expect(refusal { $0.commands = ["GET {key}"] }.contains("--command cannot be verified"))
        #expect(refusal { $0.keyCount = 300_000_000 }.contains("200,000,000"))
        #expect(refusal { $0.threadCount = 200_000 }.contains("one for each thread"))
        for name in ["incr", "append", "hset", "multi", "eval", "echo", "lpush"] {
            #expect(refusal { $0.mix = name }.contains("\(name) cannot be verified"), "\(name)")
        }
        #expect(
            refusal { $0.mix = "get,set,mget,mset,getset,setex,rmw,del,unlink,exists,touch,expire,ttl,strlen,ping" }
                == "")
    }

    @Test func expiryIsSecondsOrARange() throws {
        #expect(try WorkloadOptions.parseTTL("60") == 60...60)
        #expect(try WorkloadOptions.parseTTL("30-90") == 30...90)
        for bad in ["", "0", "0-5", "90-30", "x", "2000000001"] {
            #expect(failureText { _ = try WorkloadOptions.parseTTL(bad) }.contains("whole seconds from 1"), "\(bad)")
        }
    }
}
