// RecordPool: records of one kind that one worker makes and drops all the time, kept for their next use.
// A record that is free holds nothing but the link to the next free one, so records must be of plain memory.
// Not here: bytes (ChunkPool), rings of slots (SlotPool).

struct RecordPool<Record: BitwiseCopyable>: ~Copyable {
    private var first: UnsafeMutableRawPointer?
    private var freeCount = 0
    /// As many are kept; a crowd that has passed is no reason to keep its memory.
    private static var freeCountMax: Int { 256 }

    deinit {
        var next = first
        while let record = next {
            next = record.load(as: UnsafeMutableRawPointer?.self)
            record.deallocate()
        }
    }

    /// Uninitialized memory for one record.
    mutating func take() -> UnsafeMutablePointer<Record> {
        guard let record = first else { return .allocate(capacity: 1) }
        first = record.load(as: UnsafeMutableRawPointer?.self)
        freeCount -= 1
        return record.bindMemory(to: Record.self, capacity: 1)
    }

    mutating func giveBack(_ record: UnsafeMutablePointer<Record>) {
        guard freeCount < Self.freeCountMax else { return record.deallocate() }
        let raw = UnsafeMutableRawPointer(record)
        raw.storeBytes(of: first, as: UnsafeMutableRawPointer?.self)
        first = raw
        freeCount += 1
    }
}
