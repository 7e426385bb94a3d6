// What stands in packaging and docs about metrics is true: alerts and the dashboard ask for series that there are, and
// docs/metrics.md has all of them. KEYWAY_WRITE_DOCS=1 writes that page anew.

import Foundation
import TestKit
import Testing

@testable import Telemetry

private struct Family {
    let name: String
    let kind: String
    let sentence: String

    /// Of a page of Prometheus's text format, in its order.
    static func all(of page: String) -> [Family] {
        let lines = page.split(separator: "\n").filter { $0.hasPrefix("# ") }.map {
            $0.split(separator: " ", maxSplits: 3)
        }
        let kinds = Dictionary(
            lines.filter { $0[1] == "TYPE" }.map { (String($0[2]), String($0[3])) },
            uniquingKeysWith: { first, _ in first })
        return lines.filter { $0[1] == "HELP" }.map {
            Family(name: String($0[2]), kind: kinds[String($0[2])] ?? "", sentence: String($0[3]))
        }
    }
}

@Suite struct PackagedNamesTests {
    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: Servers.packageRoot + "/" + path, encoding: .utf8)
    }

    private var families: [Family] {
        let layout = TelemetryLayout(
            workerCount: 1, pools: [.init(name: "p", servers: ["s"])], commands: ["get"])
        let counters = Counters(layout: layout)
        var facts = ProcessFacts()
        facts.shards = [[.init(address: "h:1", weight: 1, ringShare: 1)]]
        return Family.all(
            of: PrometheusPage.render(
                counters.snapshot(), workers: counters.workers(), counters.latencies(), layout: layout, facts: facts))
    }

    @Test(arguments: ["packaging/prometheus/alerts.yml", "packaging/grafana/keyway.json"])
    func onlySeriesThatThereAreAreAskedFor(path: String) throws {
        let names = Set(families.flatMap { [$0.name, $0.name + "_bucket", $0.name + "_sum", $0.name + "_count"] })
        let asked = Set(try text(path).matches(of: /\b(keyway|process)_[a-z_]+/).map { String($0.0) })
        #expect(asked.count > 5)
        #expect(asked.subtracting(names).isEmpty, "\(asked.subtracting(names).sorted())")
    }

    @Test func theDashboardIsJSONWithAPanelForEachPlace() throws {
        let object = try JSONSerialization.jsonObject(with: Data(text("packaging/grafana/keyway.json").utf8))
        let panels = try #require((object as? [String: Any])?["panels"] as? [[String: Any]])
        let places = panels.compactMap { $0["gridPos"] as? [String: Int] }.map { "\($0["x"] ?? -1),\($0["y"] ?? -1)" }
        #expect(places.count == panels.count && Set(places).count == panels.count)
    }

    @Test func thePageOfMetricsHasAllOfThem() throws {
        var page = """
            # Metrics

            What `GET /metrics` of the [admin port](../ADMIN.md) tells Prometheus; `keyway -D` lists what twemproxy's \
            statistics hold. Made from the tables of the program, and held by a test.

            | name | kind | what |
            | --- | --- | --- |

            """
        for family in families { page += "| `\(family.name)` | \(family.kind) | \(family.sentence) |\n" }
        let path = "docs/metrics.md"
        if ProcessInfo.processInfo.environment["KEYWAY_WRITE_DOCS"] == "1" {
            try page.write(toFile: Servers.packageRoot + "/" + path, atomically: true, encoding: .utf8)
        }
        #expect(try text(path) == page)
    }
}
