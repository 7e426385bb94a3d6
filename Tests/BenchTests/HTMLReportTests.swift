import Foundation
import FoundationXML
import Testing

@testable import keyway_bench

/// The page is XML too, so the strictest reader there is reads it.
struct HTMLReportTests {
    private final class Reader: NSObject, XMLParserDelegate {
        var counts: [String: Int] = [:]
        var links: [String] = []
        var texts: [String] = []
        var coordinates: [Double] = []
        var failure = ""

        init(_ page: String) {
            super.init()
            let parser = XMLParser(data: Data(page.replacing("<!DOCTYPE html>", with: "").utf8))
            parser.delegate = self
            if !parser.parse() { failure = "\(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "")" }
        }

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            counts[name, default: 0] += 1
            for (key, value) in attributes {
                if ["href", "src", "srcset", "data", "action"].contains(key) || key.hasPrefix("on") {
                    links.append(value)
                }
                if ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"].contains(key) {
                    coordinates.append(Double(value) ?? .nan)
                }
                if key == "points" {
                    coordinates += value.split { $0 == " " || $0 == "," }.map { Double($0) ?? .nan }
                }
            }
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) { texts.append(string) }
    }

    @Test func everyPageIsWellFormedAndNeedsNothingElse() {
        for (name, result) in SampleResults.all {
            let page = HTMLReport.text(of: result)
            let reader = Reader(page)
            #expect(reader.failure.isEmpty, "\(name): \(reader.failure)")
            #expect(reader.links.isEmpty, "\(name)")
            #expect(
                reader.counts["script"] == nil && reader.counts["link"] == nil && reader.counts["img"] == nil, "\(name)"
            )
            #expect(!page.contains("url(") && !page.contains("@import"), "\(name)")
            #expect(reader.coordinates.allSatisfy { $0.isFinite && $0 >= -10 && $0 <= 1000 }, "\(name)")
        }
    }

    @Test func hostileTextIsShownAsItIs() {
        let result = SampleResults.all.first { $0.name == "hostile" }!.result
        let page = HTMLReport.text(of: result)
        #expect(!page.lowercased().contains("<script") && !page.contains("\u{202e}") && !page.contains("\u{1b}"))
        #expect(Reader(page).texts.joined().contains("<script>alert(\"x\")</script>&'\\,"))
    }

    @Test func everyPlotIsThereWithATable() {
        let reader = Reader(HTMLReport.text(of: SampleResults.searched()))
        let text = reader.texts.joined()
        for title in [
            "Comparison", "Latency versus load", "Latency by percentile", "Latency over time", "Rate over time",
            "Operations", "Processes", "Errors", "Before you believe the numbers",
        ] {
            #expect(text.contains(title), "\(title)")
        }
        // Four bars; load, percentile, rate and two of time.
        #expect(reader.counts["figure"] == 9 && reader.counts["details"] == 6)
        #expect((reader.counts["polyline"] ?? 0) > 20)
    }

    @Test func aPageWithoutResultsSaysSo() {
        let reader = Reader(HTMLReport.text(of: SampleResults.empty))
        #expect(reader.texts.joined().contains("nothing was measured") && reader.counts["figure"] == nil)
    }

    /// Goal: an hour of intervals stays a page that opens at once.
    @Test func longRunsAreThinnedOut() {
        let phase = SampleResults.phase(seconds: 1000, samples: 1000)
        let timeline = Timeline([phase, phase])
        #expect(timeline.rounds.count == 2 && timeline.rounds.joined().count <= 120)
        #expect(timeline.lengthS == 2000 && timeline.rounds.last?.last?.endS == 2000)
        let counted = timeline.rounds.joined().reduce(0) { $0 + $1.ratePerS * ($1.endS - $1.startS) }
        #expect(abs(counted - 2 * Double(phase.requestCount)) < 1)
    }
}
