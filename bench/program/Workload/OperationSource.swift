// OperationSource: what one thread sends and what it expects back. It draws operations from the mix, writes their
// bytes, and judges each reply. Everything is drawn from the seed: the same seed sends the same bytes.
// Not here: when an operation is sent, and on which connection (Load); judging under --verify (OperationSource+Verify).

import Glibc

/// One operation on its way: one command, or several that belong together (a transaction).
struct Operation: BitwiseCopyable {
    /// Index into `Workload.operationNames`.
    var kind: UInt16
    /// Replies that are still to come; the operation is done at 0.
    var repliesLeft: UInt16
    /// The source's own: what it needs to judge the replies.
    var note: UInt64
}

enum Judgement: Equatable {
    case good
    /// A good reply without a value where one was asked for; one for an MGET in which any value is nil.
    case miss
    /// An error reply; its first word is the kind. Also an EXEC that returns nil or holds an error: then the reply's
    /// first byte is no `-` or `!`, and `lastComplaint` says what came.
    case error
    /// `--verify`: not what was written: another key's value, a broken value, the wrong type.
    case wrong
    /// `--verify`: older than a value whose writing was already acknowledged when this was asked for.
    case stale
    /// `--verify`: nothing, where an acknowledged value must be.
    case missing
}

struct OperationSource: ~Copyable {
    /// Random text that values are cut from, twice in a row so that a cut may begin anywhere in the first half.
    private static let fillerBytes = 32_768

    let workload: Workload
    let needsWholeReplies: Bool
    var random: RandomBits
    private let threadIndex: Int
    let threadCount: Int
    private let keyCount: Int
    private let keyDigits: Int
    private let mixCount: Int
    private let kindEnds: UnsafeMutablePointer<UInt64>
    let kinds: UnsafeMutablePointer<Program.Kind>
    private let steps: UnsafeMutablePointer<Step>
    let plans: UnsafeMutablePointer<ReplyPlan>
    private let literals: UnsafeMutablePointer<UInt8>
    private let filler: UnsafeMutablePointer<UInt8>

    private var keySampler: KeySampler
    private var valueSampler: ValueSampler
    private var traced: TraceCursor?
    /// The next `{seq}`.
    private var sequence: Int
    /// The key drawn last.
    private var key = 0
    /// The index that a fill writes; nil: keys are drawn.
    private var fillKey: Int?
    private var fillUpcoming: Int
    private var fillPart = 0

    // --verify
    let isVerified: Bool
    let form: VerifiedValue
    let prefix: UnsafeMutablePointer<UInt8>
    var pending: PendingKeys
    var complaint = Complaint()
    private var block: UInt64 = 0
    private var entryIndex = 0

    init(workload: Workload, threadIndex: Int, threadCount: Int) {
        precondition(threadIndex >= 0 && threadIndex < threadCount)
        let (options, program) = (workload.options, workload.program)
        precondition(!options.isVerified || (threadCount <= options.keyCount && threadCount <= options.threadCount))
        self.workload = workload
        self.threadIndex = threadIndex
        self.threadCount = threadCount
        needsWholeReplies = workload.needsWholeReplies
        random = RandomBits(seed: options.seed, stream: UInt64(threadIndex))
        keyCount = options.keyCount
        keyDigits = options.keyDigits
        mixCount = workload.kindEnds.count
        kindEnds = Self.copy(workload.kindEnds)
        kinds = Self.copy(program.kinds)
        steps = Self.copy(program.steps)
        plans = Self.copy(program.plans)
        literals = Self.copy(program.literals)
        keySampler = KeySampler(
            workload.distribution, keyCount: options.keyCount, isSpread: options.isSpread, threadIndex: threadIndex,
            threadCount: threadCount)
        valueSampler = ValueSampler(options.valueSize)
        traced = workload.trace.map { TraceCursor($0, options.isTraceLooped, threadIndex, threadCount) }
        sequence = threadIndex
        fillUpcoming = threadIndex
        isVerified = options.isVerified
        form = workload.verifiedValue
        prefix = Self.copy(Array(options.keyPrefix.utf8))
        pending = PendingKeys(entriesPerBlock: program.entryCountMax)
        filler = .allocate(capacity: 2 * Self.fillerBytes)
        fillFiller(RandomBits(seed: options.seed, stream: UInt64(threadIndex) | 1 << 32))
    }

    deinit {
        kindEnds.deallocate()
        kinds.deallocate()
        steps.deallocate()
        plans.deallocate()
        literals.deallocate()
        filler.deallocate()
        prefix.deallocate()
    }

    private static func copy<Element: BitwiseCopyable>(_ array: [Element]) -> UnsafeMutablePointer<Element> {
        let copy = UnsafeMutablePointer<Element>.allocate(capacity: Swift.max(array.count, 1))
        copy.initialize(from: array, count: array.count)
        return copy
    }

    private func fillFiller(_ dice: RandomBits) {
        var dice = dice
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for index in 0..<Self.fillerBytes {
            let letter = letters[Int(dice.next(below: UInt64(letters.count)))]
            filler[index] = letter
            filler[index + Self.fillerBytes] = letter
        }
    }

    /// Draws an operation and appends its bytes to `out`. Nil: a trace that is replayed once has ended.
    mutating func next(_ out: inout ByteBuffer, connectionIndex: Int) -> Operation? {
        if traced != nil { return traced!.next(&out) }
        return write(drawKind(), &out, connectionIndex)
    }

    /// Writes each of this thread's keys once (index modulo threads), in every type that the mix needs; nil when all
    /// are written.
    mutating func nextFill(_ out: inout ByteBuffer) -> Operation? {
        if fillUpcoming >= keyCount {
            fillPart += 1
            fillUpcoming = threadIndex
        }
        guard fillPart < workload.fillKinds.count, fillUpcoming < keyCount else { return nil }
        fillKey = fillUpcoming
        defer { fillKey = nil }
        fillUpcoming += threadCount
        return write(workload.fillKinds.lowerBound + fillPart, &out, 0)
    }

    /// Trace with original timing: ns after the trace's start at which the operation that next() gives next is due;
    /// nil: no timing, or the trace has ended.
    var nextDueNs: UInt64? { traced?.nextDueNs }

    @inline(__always)
    private mutating func drawKind() -> Int {
        if mixCount == 1 { return 0 }
        let drawn = random.next()
        var index = 0
        while drawn > kindEnds[index] { index &+= 1 }
        return index
    }

    @inline(__always)
    private mutating func write(_ kind: Int, _ out: inout ByteBuffer, _ connectionIndex: Int) -> Operation {
        if isVerified {
            block = pending.take()
            entryIndex = 0
        }
        let plan = kinds[kind]
        var opened = 0
        var index = plan.firstStep
        while index < plan.endStep {
            let step = steps + index
            switch step.pointee.kind {
            case .literal: out.append(literals + step.pointee.offset, count: step.pointee.count)
            case .key:
                drawKey(isOwn: step.pointee.isOwn)
                fallthrough
            case .sameKey:
                Decimal.write(key, at: out.end - step.pointee.offset, width: keyDigits)
                if step.pointee.role != .none { noteKey(isWrite: step.pointee.role == .write) }
            case .value: writeValue(&out, isWhole: step.pointee.isWhole)
            case .random: writeNumber(&out, randomNumber(step.pointee), isWhole: step.pointee.isWhole)
            case .sequence:
                writeNumber(&out, sequence, isWhole: step.pointee.isWhole)
                sequence &+= threadCount
            case .thread: writeNumber(&out, threadIndex, isWhole: step.pointee.isWhole)
            case .connection: writeNumber(&out, connectionIndex, isWhole: step.pointee.isWhole)
            case .time: writeNumber(&out, Self.wallClockMs(), isWhole: step.pointee.isWhole)
            case .open: opened = out.count
            case .close: out.wrapAsBulk(last: out.count &- opened)
            }
            index &+= 1
        }
        return Operation(kind: UInt16(truncatingIfNeeded: kind), repliesLeft: plan.replyCount, note: block)
    }

    @inline(__always)
    private mutating func drawKey(isOwn: Bool) {
        key = fillKey ?? keySampler.next(&random)
        // The nearest index below or above that this thread may write.
        guard isOwn else { return }
        key = key &- key % threadCount &+ threadIndex
        if key >= keyCount { key &-= threadCount }
    }

    @inline(__always)
    private mutating func randomNumber(_ step: Step) -> Int {
        let drawn = step.span == 0 ? random.next() : random.next(below: step.span)
        return step.low &+ Int(truncatingIfNeeded: drawn)
    }

    private func writeNumber(_ out: inout ByteBuffer, _ number: Int, isWhole: Bool) {
        if isWhole { out.append(bulkHeader: Decimal.width(number)) }
        out.append(decimal: number)
        if isWhole { out.appendLineEnd() }
    }

    @inline(__always)
    private mutating func writeValue(_ out: inout ByteBuffer, isWhole: Bool) {
        let sizeBytes = valueSampler.next(&random)
        if isWhole { out.append(bulkHeader: sizeBytes) }
        out.reserve(sizeBytes)
        if isVerified {
            let sequence = pending.entry(block, entryIndex &- 1).pointee.sequence
            form.write(
                VerifiedValue.Label(run: workload.runID, thread: threadIndex, sequence: sequence), key: key,
                prefix: prefix, sizeBytes: sizeBytes, at: out.end)
        } else {
            copyFiller(to: out.end, count: sizeBytes)
        }
        out.commit(sizeBytes)
        if isWhole { out.appendLineEnd() }
    }

    @inline(__always)
    private mutating func copyFiller(to place: UnsafeMutablePointer<UInt8>, count: Int) {
        let start = filler + Int(truncatingIfNeeded: random.next() % UInt64(Self.fillerBytes))
        var done = 0
        while done < count {
            let part = Swift.min(count &- done, Self.fillerBytes)
            (place + done).update(from: start, count: part)
            done &+= part
        }
    }

    private static func wallClockMs() -> Int {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
    }

    /// Notes the key just drawn for when the reply comes.
    private mutating func noteKey(isWrite: Bool) {
        guard let ledger = workload.ledger else { return }
        let entry = pending.entry(block, entryIndex)
        entryIndex &+= 1
        entry.pointee = PendingKeys.Entry(key: key, floor: ledger.floor(of: key))
        guard isWrite else { return }
        let write = ledger.startWrite(of: key)
        entry.pointee.sequence = write.sequence
        entry.pointee.isAlone = write.isAlone
    }

    /// One whole reply, or only its first bytes (at least 5, or all if shorter; an error's whole line) where
    /// `needsWholeReplies` is false. Counts `repliesLeft` down.
    @inline(__always)
    mutating func judge(_ operation: inout Operation, reply: UnsafePointer<UInt8>, count: Int) -> Judgement {
        operation.repliesLeft &-= 1
        if needsWholeReplies { return judgeWhole(operation, reply, count) }
        switch ReplyLook.at(reply, count: count) {
        case .error: return .error
        case .none: return .miss
        case .other: return .good
        }
    }

    /// The connection was lost: no (more) replies will come; a write's outcome is unknown.
    mutating func abandon(_ operation: Operation) {
        // Its writes stay on their way in the ledger, for ever.
        if isVerified, operation.repliesLeft > 0 { pending.giveBack(operation.note) }
    }

    /// For the error example after a judgement of wrong, stale or missing, or of error on an EXEC: key, what was
    /// expected, what came.
    var lastComplaint: String {
        complaint.text(
            keyPrefix: workload.options.keyPrefix, keyDigits: workload.options.keyDigits, run: workload.runID)
    }
}
