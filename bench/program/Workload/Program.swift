// Program: templates as steps that a thread can run without looking at text again.
// What is the same every time is stored as ready bytes, keys with zeros for their digits; a step patches the digits in
// after the bytes were copied. Only arguments whose length is not known beforehand get their header at run time.
//
//   GET {key}  ->  literal "*2 $3 GET $16 key:000000000000"   key: 12 digits, 14 bytes before the end
//
// Not here: running them (OperationSource).

struct Step: BitwiseCopyable {
    enum Kind: UInt8 {
        /// Copies `count` bytes from `offset` of the literals.
        case literal
        /// Draws a key and writes its digits `offset` bytes before the end.
        case key
        /// The same without drawing.
        case sameKey
        case value
        /// A whole number from `low` on, one of `span`; span 0 stands for all 2^64.
        case random
        case sequence, thread, connection, time
        /// An argument of several pieces whose length is known when all are written.
        case open, close
    }
    /// What `--verify` notes of a key.
    enum Role: UInt8 { case none, read, write }

    var kind: Kind
    /// The value or number is an argument of its own and gets a header.
    var isWhole = false
    var role = Role.none
    /// `--verify`: the key must be one that this thread may write.
    var isOwn = false
    var offset = 0
    var count = 0
    var low = 0
    var span: UInt64 = 0
}

/// What is expected of one reply of an operation, and which of the operation's noted keys it is about.
struct ReplyPlan: BitwiseCopyable {
    var rule: ReplyRule
    var firstEntry: UInt32 = 0
    var entryCount: UInt32 = 0
}

struct Program: Sendable {
    struct Kind: BitwiseCopyable {
        var firstStep = 0
        var endStep = 0
        var firstPlan = 0
        var replyCount: UInt16 = 1
    }

    let keyDigits: Int
    let isVerified: Bool
    private(set) var kinds: [Kind] = []
    private(set) var steps: [Step] = []
    private(set) var plans: [ReplyPlan] = []
    private(set) var literals: [UInt8] = []
    /// Keys noted by the operation that notes most.
    private(set) var entryCountMax = 0

    private var pending: [UInt8] = []
    private var patches: [(end: Int, step: Step)] = []
    private var entryCount = 0

    init(keyDigits: Int, isVerified: Bool) {
        self.keyDigits = keyDigits
        self.isVerified = isVerified
    }

    /// - Parameter rules: what to expect of each command's reply.
    mutating func add(_ template: Template, _ rules: [ReplyRule]) {
        precondition(rules.count == template.commands.count)
        var kind = Kind(firstStep: steps.count, firstPlan: plans.count, replyCount: UInt16(rules.count))
        let ownKeys = keysToOwn(template, rules)
        var keyOrdinal = 0
        entryCount = 0
        for (arguments, rule) in zip(template.commands, rules) {
            let firstEntry = entryCount
            pending += Array("*\(arguments.count)\r\n".utf8)
            let role: Step.Role = !isVerified ? .none : rule.isWrite ? .write : rule.isRead ? .read : .none
            for argument in arguments { add(argument, role, ownKeys, &keyOrdinal) }
            plans.append(
                ReplyPlan(rule: rule, firstEntry: UInt32(firstEntry), entryCount: UInt32(entryCount - firstEntry)))
        }
        flush()
        kind.endStep = steps.count
        kinds.append(kind)
        entryCountMax = Swift.max(entryCountMax, entryCount)
    }

    /// A kind without steps, for what comes from a trace.
    mutating func addTraced(_ rule: ReplyRule) {
        kinds.append(Kind(firstStep: steps.count, endStep: steps.count, firstPlan: plans.count))
        plans.append(ReplyPlan(rule: rule))
    }

    /// Which keys, counted as they are drawn, are written now or by a later `{samekey}`.
    private func keysToOwn(_ template: Template, _ rules: [ReplyRule]) -> Set<Int> {
        var own: Set<Int> = []
        var drawn = -1
        for (arguments, rule) in zip(template.commands, rules) {
            for piece in arguments.joined() {
                if case .key = piece { drawn += 1 } else if case .sameKey = piece {} else { continue }
                if isVerified, rule.isWrite { own.insert(drawn) }
            }
        }
        return own
    }

    private mutating func add(
        _ argument: Template.Argument, _ role: Step.Role, _ ownKeys: Set<Int>, _ keyOrdinal: inout Int
    ) {
        let fixedBytes = argument.reduce(into: Int?(0)) { sum, piece in
            guard let known = fixedWidth(piece) else { return sum = nil }
            sum? += known
        }
        if let fixedBytes {
            pending += Array("$\(fixedBytes)\r\n".utf8)
        } else if argument.count > 1 {
            flush()
            steps.append(Step(kind: .open))
        }
        for piece in argument {
            add(piece, isWhole: argument.count == 1, role, ownKeys, &keyOrdinal)
        }
        if fixedBytes != nil {
            pending += [13, 10]
        } else if argument.count > 1 {
            flush()
            steps.append(Step(kind: .close))
        }
    }

    private func fixedWidth(_ piece: Template.Piece) -> Int? {
        switch piece {
        case .bytes(let bytes): bytes.count
        case .key(let prefix), .sameKey(let prefix): prefix.count + keyDigits
        default: nil
        }
    }

    private mutating func add(
        _ piece: Template.Piece, isWhole: Bool, _ role: Step.Role, _ ownKeys: Set<Int>, _ keyOrdinal: inout Int
    ) {
        switch piece {
        case .bytes(let bytes): pending += bytes
        case .key(let prefix):
            addKey(.key, prefix, role, isOwn: ownKeys.contains(keyOrdinal))
            keyOrdinal += 1
        case .sameKey(let prefix): addKey(.sameKey, prefix, role, isOwn: false)
        case .value: addVariable(Step(kind: .value, isWhole: isWhole))
        case .random(let range):
            let span = UInt64(bitPattern: Int64(range.upperBound)) &- UInt64(bitPattern: Int64(range.lowerBound)) &+ 1
            addVariable(Step(kind: .random, isWhole: isWhole, low: range.lowerBound, span: span))
        case .sequence: addVariable(Step(kind: .sequence, isWhole: isWhole))
        case .thread: addVariable(Step(kind: .thread, isWhole: isWhole))
        case .connection: addVariable(Step(kind: .connection, isWhole: isWhole))
        case .time: addVariable(Step(kind: .time, isWhole: isWhole))
        }
    }

    private mutating func addKey(_ kind: Step.Kind, _ prefix: [UInt8], _ role: Step.Role, isOwn: Bool) {
        pending += prefix
        pending += [UInt8](repeating: UInt8(ascii: "0"), count: keyDigits)
        patches.append((end: pending.count - keyDigits, step: Step(kind: kind, role: role, isOwn: isOwn)))
        if role != .none { entryCount += 1 }
    }

    private mutating func addVariable(_ step: Step) {
        flush()
        steps.append(step)
    }

    private mutating func flush() {
        if pending.isEmpty { return }
        steps.append(Step(kind: .literal, offset: literals.count, count: pending.count))
        literals += pending
        for patch in patches {
            var step = patch.step
            step.offset = pending.count - patch.end
            steps.append(step)
        }
        pending = []
        patches = []
    }
}
