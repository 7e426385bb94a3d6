// TimerWheel: deadlines in milliseconds, armed and cancelled in constant time, without allocation.
// A timer is a node that its owner embeds; the wheel links it into the list of its slot. A slot is 4 ms wide and the
// wheel turns once in about 2 s: a node further off waits in its slot for a later turn.
// Not here: what a timer means. `expired` hands nodes out, their owners say what happens.

public typealias TimerRef = UnsafeMutablePointer<TimerNode>

/// Embedded in whatever needs a deadline. Invariant: linked in the wheel exactly while `isArmed`.
public struct TimerNode: BitwiseCopyable {
    /// What to do, chosen by the owner.
    public let kind: UInt8
    public fileprivate(set) var isArmed = false
    public fileprivate(set) var deadlineMs: UInt64 = 0
    fileprivate var slot = 0
    /// The thing that the node belongs to.
    public let owner: UnsafeMutableRawPointer
    fileprivate var previous: TimerRef?
    fileprivate var next: TimerRef?

    public init(kind: UInt8, owner: UnsafeMutableRawPointer) {
        self.kind = kind
        self.owner = owner
    }
}

public struct TimerWheel: ~Copyable {
    private static let slotWidthMs: UInt64 = 4
    private static let slotCount = 512

    private let slots: UnsafeMutablePointer<TimerRef?>
    /// One bit a slot: something is linked there.
    private let occupied: UnsafeMutablePointer<UInt64>
    /// Slot times before this one are done.
    private var currentTurn: UInt64
    public private(set) var armedCount = 0

    public init(nowMs: UInt64) {
        slots = .allocate(capacity: Self.slotCount)
        slots.initialize(repeating: nil, count: Self.slotCount)
        occupied = .allocate(capacity: Self.slotCount / 64)
        occupied.initialize(repeating: 0, count: Self.slotCount / 64)
        currentTurn = nowMs / Self.slotWidthMs
    }

    deinit {
        slots.deallocate()
        occupied.deallocate()
    }

    /// Arms `timer` for `deadlineMs`, or moves it there. It fires when the slot after its deadline begins, so less than
    /// 4 ms late; a deadline in a slot that is done fires at the next `expired`.
    public mutating func arm(_ timer: TimerRef, deadlineMs: UInt64) {
        if timer.pointee.isArmed { cancel(timer) }
        timer.pointee.isArmed = true
        timer.pointee.deadlineMs = deadlineMs
        // Rounded up: a timer never fires early.
        let slotTurn = deadlineMs / Self.slotWidthMs + (deadlineMs % Self.slotWidthMs == 0 ? 0 : 1)
        let turn = max(slotTurn, currentTurn)
        let index = Int(turn % UInt64(Self.slotCount))
        timer.pointee.slot = index
        timer.pointee.previous = nil
        timer.pointee.next = slots[index]
        slots[index]?.pointee.previous = timer
        slots[index] = timer
        occupied[index / 64] |= 1 << UInt64(index % 64)
        armedCount += 1
    }

    public mutating func cancel(_ timer: TimerRef) {
        guard timer.pointee.isArmed else { return }
        timer.pointee.isArmed = false
        armedCount -= 1
        let next = timer.pointee.next
        next?.pointee.previous = timer.pointee.previous
        if let previous = timer.pointee.previous {
            previous.pointee.next = next
            return
        }
        let index = timer.pointee.slot
        slots[index] = next
        if next == nil { occupied[index / 64] &= ~(1 << UInt64(index % 64)) }
    }

    /// Takes out one timer whose deadline is at or before `nowMs`; nil when there is none left.
    public mutating func expired(nowMs: UInt64) -> TimerRef? {
        let nowTurn = nowMs / Self.slotWidthMs
        if armedCount == 0 {
            currentTurn = max(currentTurn, nowTurn)
            return nil
        }
        while currentTurn <= nowTurn {
            // After a long sleep one full turn sees every slot.
            if nowTurn - currentTurn >= UInt64(Self.slotCount) { currentTurn = nowTurn - UInt64(Self.slotCount) + 1 }
            var timer = slots[Int(currentTurn % UInt64(Self.slotCount))]
            while let node = timer {
                if node.pointee.deadlineMs <= nowMs {
                    cancel(node)
                    return node
                }
                timer = node.pointee.next
            }
            if currentTurn == nowTurn { return nil }
            currentTurn += 1
        }
        return nil
    }

    /// Milliseconds until something may have to be done; nil when nothing is armed. Never late, possibly early.
    public func waitMs(nowMs: UInt64) -> Int? {
        if armedCount == 0 { return nil }
        // The current slot comes first for what is due in it and last for what waits there for a later turn.
        for ahead in 0...UInt64(Self.slotCount) {
            let turn = currentTurn + ahead
            let index = Int(turn % UInt64(Self.slotCount))
            if occupied[index / 64] & (1 << UInt64(index % 64)) == 0 { continue }
            let timeMs = turn * Self.slotWidthMs
            if timeMs > nowMs { return Int(timeMs - nowMs) }
            if ahead > 0 || hasExpired(slots[index], nowMs: nowMs) { return 0 }
        }
        return 0
    }

    private func hasExpired(_ first: TimerRef?, nowMs: UInt64) -> Bool {
        var timer = first
        while let node = timer {
            if node.pointee.deadlineMs <= nowMs { return true }
            timer = node.pointee.next
        }
        return false
    }
}
