// Thresholds: the rows of bench/counters/thresholds.csv, `workload,counter,at most`; a line with # is a comment.

import Foundation
import TestKit

struct Thresholds: Sendable {
    struct Row: Hashable, Sendable {
        let workload: String
        let counter: String
    }

    static let path = Servers.packageRoot + "/bench/counters/thresholds.csv"
    static let read = Result<Thresholds, any Error> {
        try Thresholds(String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8))
    }

    let atMost: [Row: Double]

    init(_ text: String) throws {
        var atMost: [Row: Double] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.isEmpty || line.hasPrefix("#") { continue }
            let fields = line.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            guard fields.count == 3, let limit = Double(fields[2]), limit >= 0 else {
                throw ChildFailure("\(Self.path):\(index + 1): is not `workload,counter,at most`: \(line)")
            }
            let row = Row(workload: fields[0], counter: fields[1])
            guard atMost.updateValue(limit, forKey: row) == nil else {
                throw ChildFailure("\(Self.path):\(index + 1): \(row.workload) has \(row.counter) twice")
            }
        }
        self.atMost = atMost
    }

    func atMost(_ workload: String, _ counter: String) throws -> Double {
        guard let limit = atMost[Row(workload: workload, counter: counter)] else {
            throw ChildFailure("\(Self.path) has no row \(workload),\(counter)")
        }
        return limit
    }
}
