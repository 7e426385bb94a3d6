// TraceReader: turns a trace file of any form into entries, and says where it cannot.
// Not here: what the forms are and what becomes of the entries (Trace).

import Wire

struct TraceReader {
    /// Commands between MULTI and EXEC, of one client.
    private struct Open {
        var bytes: [UInt8] = []
        var commandCount = 0
        var home: UInt32?
        /// Where MULTI stands.
        var place: String
    }

    private static let nameCountMax = 500
    private static let argumentCountMax = 1 << 20

    private(set) var entries: [Trace.Entry] = []
    private(set) var output: [UInt8] = []
    private(set) var names: [String] = []
    private(set) var hasTimes = false
    private(set) var leftOutCount = 0

    private let input: [UInt8]
    private let name: String
    private var kinds: [String: UInt16] = [:]
    private var open: [String: Open] = [:]
    private var dueNs: UInt64 = 0
    private var startNs: UInt64?

    init(_ input: [UInt8], name: String) {
        self.input = input
        self.name = name
    }

    mutating func read() throws(WorkloadError) {
        if input.first == UInt8(ascii: "*") || input.starts(with: "#TS:".utf8) {
            try readRESP()
        } else {
            try readLines()
        }
        if let unfinished = open.values.min(by: { $0.place < $1.place }), !hasTimes {
            throw failure(unfinished.place, "MULTI has no EXEC or DISCARD; add it, or take MULTI out")
        }
        // A recording may stop anywhere: what was open then never happened.
        leftOutCount += open.values.reduce(0) { $0 + $1.commandCount }
    }

    private func failure(_ place: String, _ text: String) -> WorkloadError {
        WorkloadError("trace \(name): \(place): \(text)")
    }

    private mutating func readLines() throws(WorkloadError) {
        var number = 0
        var start = 0
        var isFirst = true
        while start < input.count {
            let end = input[start...].firstIndex(of: 10) ?? input.count
            var line = input[start..<end]
            start = end + 1
            number += 1
            if line.last == 13 { line = line.dropLast() }
            line = line.drop { $0 == 32 || $0 == 9 }
            // The answer to MONITOR itself.
            if line.isEmpty || line.first == UInt8(ascii: "#") || line.elementsEqual("OK".utf8)
                || line.elementsEqual("+OK".utf8)
            {
                continue
            }
            if isFirst { hasTimes = monitorHead(line) != nil }
            isFirst = false
            if hasTimes {
                try readMonitor(line, "line \(number)")
            } else {
                try accept(try words(of: line, "line \(number)"), client: "", "line \(number)")
            }
        }
    }

    private func words(of line: ArraySlice<UInt8>, _ place: String) throws(WorkloadError) -> [[UInt8]] {
        do {
            return try CommandText.split(line, partsCommands: false)[0].map { $0.map(\.value) }
        } catch {
            throw failure(place, error.description)
        }
    }

    /// `seconds.micros [db address]` and where the command begins.
    private func monitorHead(_ line: ArraySlice<UInt8>) -> (timeNs: UInt64, client: String, rest: ArraySlice<UInt8>)? {
        let line = line.first == UInt8(ascii: "+") ? line.dropFirst() : line
        guard let bracket = line.firstIndex(of: UInt8(ascii: "[")), bracket > line.startIndex,
            line[bracket - 1] == 32
        else { return nil }
        let stamp = String(decoding: line[..<(bracket - 1)], as: UTF8.self).split(separator: ".")
        guard stamp.count == 2, let seconds = UInt64(stamp[0]), seconds < 1 << 33, stamp[1].count == 6,
            let micros = UInt64(stamp[1])
        else { return nil }
        // An IPv6 address has brackets of its own, but no blank behind them.
        var close = bracket
        while close + 1 < line.endIndex, !(line[close] == UInt8(ascii: "]") && line[close + 1] == 32) { close += 1 }
        guard close + 1 < line.endIndex else { return nil }
        let inside = String(decoding: line[(bracket + 1)..<close], as: UTF8.self)
        guard let blank = inside.firstIndex(of: " ") else { return nil }
        let client = String(inside[inside.index(after: blank)...])
        return ((seconds * 1_000_000 + micros) * 1000, client, line[(close + 2)...])
    }

    private mutating func readMonitor(_ line: ArraySlice<UInt8>, _ place: String) throws(WorkloadError) {
        guard let head = monitorHead(line) else {
            throw failure(
                place,
                "this is no line of MONITOR, as the first one is; they read "
                    + "1339518083.107412 [0 127.0.0.1:60866] \"get\" \"key\"")
        }
        if head.client == "lua" {
            leftOutCount += 1
            return
        }
        let origin = startNs ?? head.timeNs
        startNs = origin
        // Clocks may step back; the order of the lines counts.
        if head.timeNs > origin { dueNs = Swift.max(dueNs, head.timeNs - origin) }
        try accept(try words(of: head.rest, place), client: head.client, place)
    }

    private mutating func readRESP() throws(WorkloadError) {
        var offset = 0
        var number = 0
        while offset < input.count {
            if input[offset] == UInt8(ascii: "#") {
                offset = (input[offset...].firstIndex(of: 10) ?? input.count - 1) + 1
                continue
            }
            number += 1
            let place = "command \(number) at byte \(offset)"
            let count = try header(UInt8(ascii: "*"), &offset, Self.argumentCountMax, place)
            var arguments: [[UInt8]] = []
            for index in 0..<count {
                let length = try header(
                    UInt8(ascii: "$"), &offset, ValueSize.sizeBytesMax, "\(place), argument \(index + 1)")
                guard offset + length + 2 <= input.count, input[offset + length] == 13, input[offset + length + 1] == 10
                else {
                    throw failure(
                        "\(place), argument \(index + 1)",
                        "\(length) bytes and CR LF should follow at byte \(offset); the file has \(input.count) bytes")
                }
                arguments.append(Array(input[offset..<(offset + length)]))
                offset += length + 2
            }
            if count > 0 { try accept(arguments, client: "", place) }
        }
    }

    private func header(_ type: UInt8, _ offset: inout Int, _ max: Int, _ place: String) throws(WorkloadError) -> Int {
        let sign = Character(Unicode.Scalar(type))
        guard offset < input.count, input[offset] == type else {
            throw failure(place, "\(sign) is expected at byte \(offset); the file has \(input.count) bytes")
        }
        let scan = input.withUnsafeBufferPointer { bytes in
            bytes.count > offset + 1
                ? scanLength(bytes.baseAddress! + offset + 1, count: bytes.count - offset - 1) : .incomplete
        }
        guard case .length(let value, let sizeBytes) = scan, value >= 0, value <= max else {
            throw failure(place, "\(sign) at byte \(offset) needs a number from 0 to \(max) and CR LF behind it")
        }
        offset += 1 + sizeBytes
        return value
    }

    private mutating func accept(_ arguments: [[UInt8]], client: String, _ place: String) throws(WorkloadError) {
        guard let first = arguments.first else { return }
        let command = String(decoding: first, as: UTF8.self).lowercased()
        if Trace.leftOutNames.contains(command) {
            leftOutCount += 1
            return
        }
        let home = hasTimes ? Self.hash(client.utf8) : Self.hash(arguments.count > 1 ? arguments[1] : first)
        if open[client] == nil, command == "exec" || command == "discard" {
            // Its MULTI lies before the recording's start.
            leftOutCount += 1
        } else if command == "multi" {
            if open[client] != nil { throw failure(place, "MULTI inside of MULTI") }
            open[client] = Open(place: place)
            open[client]?.bytes = Self.request(arguments)
            open[client]?.commandCount = 1
        } else if open[client] != nil {
            try extend(client, arguments, home: home, isLast: command == "exec" || command == "discard", place)
        } else {
            append(Self.request(arguments), command, replyCount: 1, isTransaction: false, home)
        }
    }

    private mutating func extend(
        _ client: String, _ arguments: [[UInt8]], home: UInt32, isLast: Bool, _ place: String
    ) throws(WorkloadError) {
        guard var transaction = open[client] else { return }
        transaction.bytes += Self.request(arguments)
        transaction.commandCount += 1
        transaction.home = transaction.home ?? home
        guard transaction.commandCount <= Template.commandCountMax else {
            throw failure(
                place, "the transaction has more than \(Template.commandCountMax) commands, the limit of one operation")
        }
        open[client] = isLast ? nil : transaction
        guard isLast else { return }
        append(
            transaction.bytes, "multi", replyCount: UInt16(transaction.commandCount), isTransaction: true,
            transaction.home ?? home)
    }

    private mutating func append(
        _ bytes: [UInt8], _ command: String, replyCount: UInt16, isTransaction: Bool, _ home: UInt32
    ) {
        entries.append(
            Trace.Entry(
                offset: output.count, count: bytes.count, kind: kind(of: command), replyCount: replyCount,
                isTransaction: isTransaction, home: home, dueNs: dueNs))
        output += bytes
    }

    private mutating func kind(of command: String) -> UInt16 {
        // A file of nonsense could have a name a line.
        let command = kinds[command] == nil && names.count >= Self.nameCountMax ? "other" : command
        if let known = kinds[command] { return known }
        let index = UInt16(names.count)
        names.append(command)
        kinds[command] = index
        return index
    }

    private static func request(_ arguments: [[UInt8]]) -> [UInt8] {
        var bytes = Array("*\(arguments.count)\r\n".utf8)
        for argument in arguments {
            bytes += Array("$\(argument.count)\r\n".utf8)
            bytes += argument
            bytes += [13, 10]
        }
        return bytes
    }

    /// FNV-1a.
    private static func hash(_ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }
}
