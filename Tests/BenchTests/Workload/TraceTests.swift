import Foundation
import Testing

@testable import keyway_bench

struct TraceTests {
    @Test func aFileIsReadAndNamedInErrors() throws {
        let folder = FileManager.default.temporaryDirectory
        let path = folder.appendingPathComponent("keyway-bench-trace-\(UUID().uuidString)").path
        #expect(failureText { _ = try Trace(path: path) }.contains("trace \(path): cannot be read"))
        try Data("GET a\n".utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let trace = try Trace(path: path)
        #expect(trace.entries.count == 1 && trace.names == ["get"])
        let workload = try Workload(options { $0.tracePath = path })
        #expect(workload.summary == "trace \(path), 1 operations" && workload.fillCount == 0)
    }

    @Test(arguments: ["", "\n# nothing\n", "AUTH secret\n", "OK\n"]) func aTraceWithoutCommandsIsRefused(text: String) {
        #expect(failureText { _ = try Trace(Array(text.utf8), name: "f") }.contains("no command to send"))
    }

    @Test func aRoundEndsAMeanGapBehindTheLastEntry() throws {
        let text = "10.000000 [0 a:1] \"get\" \"k\"\n12.000000 [0 a:1] \"get\" \"k\"\n14.000000 [0 a:1] \"get\" \"k\"\n"
        let trace = try Trace(Array(text.utf8), name: "f")
        #expect(trace.roundNs == 6_000_000_000)
        #expect(trace.entries.map(\.dueNs) == [0, 2_000_000_000, 4_000_000_000])
    }
}
