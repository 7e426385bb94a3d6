// WorkloadPlan: the way from options to a Workload: operations with names and weights, fills, a summary.
// Not here: the result (Workload), which numbers are allowed (WorkloadOptions+Check).

struct WorkloadPlan {
    private(set) var program: Program
    private(set) var names: [String] = []
    private(set) var weights: [Double] = []
    private(set) var fillKinds = 0..<0
    private(set) var canRemoveKeys = false
    private(set) var summary = ""
    let distribution: KeyDistribution

    private let options: WorkloadOptions
    private let context: Template.Context
    private var templates: [Template] = []

    init(_ options: WorkloadOptions, trace: Trace?) throws(WorkloadError) {
        self.options = options
        context = Template.Context(
            keyPrefix: Array(options.keyPrefix.utf8), ttlS: options.ttlS, elementsPerKey: options.elementsPerKey)
        program = Program(keyDigits: options.keyDigits, isVerified: options.isVerified)
        let mixText = options.mix ?? (options.commands.isEmpty && trace == nil ? WorkloadOptions.mixDefault : nil)
        let mix = try mixText.map { text throws(WorkloadError) in try Mix(parsing: text) }
        distribution =
            options.distribution
            ?? (mix?.isYCSB == true ? .zipfian(skew: KeyDistribution.skewDefault) : KeyDistribution.uniform)
        if let trace {
            for name in trace.names {
                names.append(name)
                program.addTraced(Preset.row(ofCommand: name)?.reply.unverified ?? .plain)
            }
            summary = Self.summary(of: trace, options)
            return
        }
        for part in mix?.parts ?? [] { try add(part.preset, part.weight) }
        for (index, command) in options.commands.enumerated() {
            let template = try Template(parsing: command, context)
            let ratio = index < options.commandRatios.count ? options.commandRatios[index] : 1
            add(freeName(template.name(ofCommand: 0)?.lowercased() ?? "command"), template, ratio)
        }
        summary = mixSummary()
        try addFills()
    }

    private mutating func add(_ preset: Preset, _ weight: Double) throws(WorkloadError) {
        if preset.name == "mset", options.ttlS != nil {
            throw WorkloadError("--ttl-s: MSET takes no expiry; leave mset out of --mix, or --ttl-s out")
        }
        let template = try Template(parsing: text(of: preset), context)
        if options.isVerified, !rules(of: template, isVerified: true).allSatisfy(\.isVerifiable) {
            throw WorkloadError(
                "--verify: \(preset.name) cannot be verified; use get, set, mget, mset, getset, setex, rmw, del, "
                    + "unlink, exists, touch, expire, ttl, strlen or ping in --mix")
        }
        if preset.canRemove || options.ttlS != nil { canRemoveKeys = true }
        add(preset.name, template, weight)
    }

    private func text(of preset: Preset) -> String {
        let text = preset.template.replacing("{set-ttl}", with: options.ttlS == nil ? "" : " EX {ttl}")
        if preset.repeated.isEmpty { return text }
        return text + String(repeating: " " + preset.repeated, count: options.keysPerCommand)
    }

    private func rules(of template: Template, isVerified: Bool) -> [ReplyRule] {
        template.commands.indices.map { index in
            let name = template.name(ofCommand: index)?.lowercased() ?? ""
            if name == "exec" { return .transaction }
            let rule = Preset.row(ofCommand: name)?.reply ?? .plain
            return isVerified ? rule : rule.unverified
        }
    }

    private mutating func add(_ name: String, _ template: Template, _ weight: Double) {
        names.append(name)
        weights.append(weight)
        templates.append(template)
        program.add(template, rules(of: template, isVerified: options.isVerified))
    }

    /// `set`, or `set-2` when there is a set already.
    private func freeName(_ name: String) -> String {
        var free = name
        var number = 1
        while names.contains(free) {
            number += 1
            free = "\(name)-\(number)"
        }
        return free
    }

    /// One kind for each key prefix in use, by the first command of known type that names it.
    private mutating func addFills() throws(WorkloadError) {
        let first = program.kinds.count
        var filled: Set<[UInt8]> = []
        for template in templates {
            for (index, arguments) in template.commands.enumerated() {
                guard let name = template.name(ofCommand: index), let type = Preset.row(ofCommand: name)?.type,
                    let text = fillText(type)
                else { continue }
                for case .key(let prefix) in arguments.joined() where filled.insert(prefix).inserted {
                    try addFill(text, prefix)
                }
                for case .sameKey(let prefix) in arguments.joined() where filled.insert(prefix).inserted {
                    try addFill(text, prefix)
                }
            }
        }
        fillKinds = first..<program.kinds.count
        for _ in fillKinds { names.append(freeName("fill")) }
    }

    private mutating func addFill(_ text: String, _ prefix: [UInt8]) throws(WorkloadError) {
        let template = try Template(
            parsing: text,
            Template.Context(keyPrefix: prefix, ttlS: options.ttlS, elementsPerKey: options.elementsPerKey))
        program.add(template, rules(of: template, isVerified: options.isVerified))
    }

    private func fillText(_ type: DataType) -> String? {
        let elements = 0..<options.elementsPerKey
        switch type {
        case .string: return "SET {key} {value}" + (options.ttlS == nil ? "" : " EX {ttl}")
        case .counter: return "SET {key} 0"
        case .hash: return "HSET {key}" + elements.map { " field:\($0) {value}" }.joined()
        case .list: return "RPUSH {key}" + elements.map { _ in " {value}" }.joined()
        case .set: return "SADD {key}" + elements.map { " member:\($0)" }.joined()
        case .sortedSet: return "ZADD {key}" + elements.map { " \($0) member:\($0)" }.joined()
        case .stream: return "XADD {key} * field {value}"
        case .none: return nil
        }
    }

    private func mixSummary() -> String {
        let sum = weights.reduce(0, +)
        let shares = zip(names, weights).map { name, weight in
            "\(name.uppercased()) \(WrittenNumber.short(weight / sum * 100, places: 1)) %"
        }
        var parts = [shares.joined(separator: " ")]
        let pieces = templates.flatMap { $0.commands.joined().joined() }
        let usesKeys = pieces.contains { if case .key = $0 { true } else { false } }
        if usesKeys { parts.append("\(WrittenNumber.grouped(options.keyCount)) keys \(distribution.summary)") }
        if pieces.contains(.value) { parts.append(options.valueSize.summary) }
        if names.contains("mget") || names.contains("mset") {
            parts.append("\(options.keysPerCommand) keys a command")
        }
        if let ttl = options.ttlS {
            parts.append(
                ttl.count == 1 ? "expiry \(ttl.lowerBound) s" : "expiry \(ttl.lowerBound) to \(ttl.upperBound) s")
        }
        if options.isVerified { parts.append("verified") }
        return parts.joined(separator: ", ")
    }

    private static func summary(of trace: Trace, _ options: WorkloadOptions) -> String {
        var text = "trace \(options.tracePath ?? ""), \(WrittenNumber.grouped(trace.entries.count)) operations"
        if trace.leftOutCount > 0 { text += " (\(WrittenNumber.grouped(trace.leftOutCount)) commands left out)" }
        return text + (options.isTraceLooped ? ", looped" : "")
    }
}
