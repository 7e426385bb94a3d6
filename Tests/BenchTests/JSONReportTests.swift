import Foundation
import Testing

@testable import keyway_bench

struct JSONReportTests {
    private func parse(_ text: String) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test func everyResultIsOneLineOfJSON() throws {
        for (name, result) in SampleResults.all {
            let text = JSONReport.text(of: result)
            #expect(text.split(separator: "\n").count == 1, "\(name)")
            let object = try parse(text)
            #expect((object["targets"] as? [Any])?.count == result.targets.count, "\(name)")
            #expect((object["phases"] as? [Any])?.count == result.phases.count, "\(name)")
        }
    }

    /// Goal: what is written can be read back by the schema.
    @Test func theDocumentComesBackAsItWas() throws {
        let result = SampleResults.searched()
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let read = try decoder.decode(JSONDocument.self, from: Data(JSONReport.text(of: result).utf8))
        #expect(read == JSONReport.document(of: result))
        #expect(read.schemaVersion == 1 && read.program == "keyway-bench")
    }

    @Test func namesAreStableWithUnitsLast() throws {
        let object = try parse(JSONReport.text(of: SampleResults.comparison(rounds: 2)))
        #expect(
            object.keys.sorted() == [
                "command", "load_thread_count", "machine", "phases", "program", "schema_version", "searches",
                "started_at_s", "targets", "version", "warnings", "workload",
            ])
        let target = try #require((object["targets"] as? [[String: Any]])?.last)
        #expect(
            target.keys.sorted() == [
                "address", "cpu_per_request_ns", "error_count", "errors", "index", "label", "latency",
                "load_cpu_per_request_ns", "miss_count", "operations", "p50_ns", "p999_ns", "p99_ns",
                "peak_resident_bytes", "pids", "processes", "rate_per_s", "ratios", "request_count", "round_count",
                "system_cpu_per_request_ns", "unanswered_count", "unsent_count", "verified_count",
            ])
        let process = try #require((target["processes"] as? [[String: Any]])?.first)
        #expect(
            process.keys.sorted() == [
                "cpu_ns", "name", "peak_resident_bytes", "pid", "resident_bytes", "system_cpu_ns",
            ])
        let step = try #require(((object["phases"] as? [[String: Any]])?.first?["timeline"] as? [[String: Any]])?.first)
        #expect(
            step.keys.sorted() == [
                "end_s", "error_count", "highest_ns", "p50_ns", "p99_ns", "request_count", "start_s",
            ])
    }

    @Test func theHistogramHoldsEveryRequest() {
        let document = JSONReport.document(of: SampleResults.comparison())
        for target in document.targets {
            let counts = target.latency.histogram?.map { $0[1] } ?? []
            #expect(counts.reduce(0, +) == target.latency.count && !counts.contains(0))
            #expect(target.latency.percentiles.map(\.percentile) == Report.percentiles)
        }
    }
}
