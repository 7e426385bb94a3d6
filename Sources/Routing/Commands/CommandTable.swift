// CommandTable: all commands, found by name; built once at start, then immutable.
// It owns raw memory: a CommandTableView and every row pointer it gives are valid as long as the table lives.
// Not here: the rows (CommandRows, generated), what COMMAND says about them (CommandDescriptions).

package import Wire

/// The rows while the table is being built, with the strings that only cold paths read.
struct CommandRows {
    private(set) var rows: [CommandRow] = []
    private(set) var names: [String] = []
    private(set) var groups: [String] = []
    private(set) var versions: [String] = []
    private(set) var tips: [String] = []
    private(set) var treatments: [String] = []

    init(reservedCount: Int) {
        rows.reserveCapacity(reservedCount)
        names.reserveCapacity(reservedCount)
    }

    // Never inlined: 425 calls of it, and of what makes its argument, stay calls.
    @inline(never)
    mutating func add(
        _ name: String, _ group: String, since: String, tips: String = "", treatment: String = "", _ row: CommandRow
    ) {
        precondition(Int(row.id.rawValue) == rows.count, "CommandRows: \(name) is out of the order of CommandID")
        names.append(name)
        groups.append(group)
        versions.append(since)
        self.tips.append(tips)
        treatments.append(treatment)
        rows.append(row)
    }
}

/// One place of the hash table; `count` 0 marks a free one.
@usableFromInline
struct NameSlot: BitwiseCopyable {
    @usableFromInline let key: NameKey
    @usableFromInline let row: UInt16
    /// The container's row index + 1, or 0 for a command of the top level.
    @usableFromInline let parent: UInt16
    @usableFromInline let count: UInt32
    /// The stored name, upper case, in the table's name bytes.
    @usableFromInline let nameOffset: UInt32

    init(key: NameKey, row: UInt16, parent: UInt16, count: UInt32, nameOffset: UInt32) {
        self.key = key
        self.row = row
        self.parent = parent
        self.count = count
        self.nameOffset = nameOffset
    }
}

public final class CommandTable: Sendable {
    public let view: CommandTableView
    /// "CONFIG GET", by row index.
    private let names: [String]
    private let groups: [String]
    private let versions: [String]
    private let tipsByRow: [String]
    private let treatments: [String]

    /// A power of two; 425 names fill a fifth of it, so that a search ends after about one place.
    private static let slotCount = 2048

    public init() {
        let source = makeCommandRows()
        names = source.names
        groups = source.groups
        versions = source.versions
        tipsByRow = source.tips
        treatments = source.treatments

        let rowCount = source.rows.count
        precondition(rowCount > 0 && rowCount * 2 < Self.slotCount)
        let rows = UnsafeMutablePointer<CommandRow>.allocate(capacity: rowCount)
        rows.initialize(from: source.rows, count: rowCount)

        // A subcommand is stored by its last word: the container is part of the search.
        let words = source.names.map { Array($0.split(separator: " ").last!.utf8) }
        let nameBytes = UnsafeMutablePointer<UInt8>.allocate(capacity: words.reduce(0) { $0 + $1.count })
        let slots = UnsafeMutablePointer<NameSlot>.allocate(capacity: Self.slotCount)
        let free = NameSlot(key: NameKey(head: 0, tail: 0), row: 0, parent: 0, count: 0, nameOffset: 0)
        slots.initialize(repeating: free, count: Self.slotCount)

        var parents = [UInt16](repeating: 0, count: rowCount)
        for (index, row) in source.rows.enumerated() {
            for child in 0..<Int(row.subcommandCount) { parents[index + 1 + child] = UInt16(index + 1) }
        }
        var offset = 0
        for (index, word) in words.enumerated() {
            (nameBytes + offset).initialize(from: word, count: word.count)
            let key = NameKey(nameBytes + offset, count: word.count)
            var place = key.place(count: word.count, parent: parents[index], mask: Self.slotCount - 1)
            while slots[place].count != 0 { place = (place + 1) & (Self.slotCount - 1) }
            slots[place] = NameSlot(
                key: key, row: UInt16(index), parent: parents[index], count: UInt32(word.count),
                nameOffset: UInt32(offset))
            offset += word.count
        }
        view = CommandTableView(
            rows: UnsafePointer(rows), rowCount: rowCount, slots: UnsafePointer(slots), slotMask: Self.slotCount - 1,
            nameBytes: UnsafePointer(nameBytes))
    }

    deinit {
        UnsafeMutablePointer(mutating: view.rows).deallocate()
        UnsafeMutablePointer(mutating: view.slots).deallocate()
        UnsafeMutablePointer(mutating: view.nameBytes).deallocate()
    }

    /// All rows in the order of `CommandID`; a container's subcommands follow it.
    package var rows: UnsafeBufferPointer<CommandRow> {
        UnsafeBufferPointer(start: view.rows, count: view.rowCount)
    }

    /// "CONFIG GET".
    package func name(of id: CommandID) -> String { id == .learned ? "a command of a module" : names[Int(id.rawValue)] }

    /// "config|get": how Valkey writes it in replies and error texts.
    package func wireName(of id: CommandID) -> String {
        String(name(of: id).lowercased().map { $0 == " " ? "|" : $0 })
    }

    /// The wire names of all, by raw value.
    package var wireNames: [String] {
        rows.map { wireName(of: $0.id) } + ["other"]
    }

    /// "sorted_set": the group in Valkey's command JSON.
    package func group(of id: CommandID) -> String { groups[Int(id.rawValue)] }

    /// First Redis or Valkey version that had it: "6.2.0".
    package func since(of id: CommandID) -> String { versions[Int(id.rawValue)] }

    /// Valkey's own tips, before Keyway's overrides: "request_policy:all_shards".
    package func tips(of id: CommandID) -> [Substring] { tipsByRow[Int(id.rawValue)].split(separator: " ") }

    /// How Keyway treats it where its class does not say all; may be empty.
    package func treatment(of id: CommandID) -> String { treatments[Int(id.rawValue)] }
}

/// The hot door of a `CommandTable`: copied into workers, valid as long as the table lives.
/// Unchecked: it points to memory that nobody writes after the table's init.
public struct CommandTableView: BitwiseCopyable, @unchecked Sendable {
    public let rows: UnsafePointer<CommandRow>
    public let rowCount: Int
    @usableFromInline let slots: UnsafePointer<NameSlot>
    @usableFromInline let slotMask: Int
    @usableFromInline let nameBytes: UnsafePointer<UInt8>

    init(
        rows: UnsafePointer<CommandRow>, rowCount: Int, slots: UnsafePointer<NameSlot>, slotMask: Int,
        nameBytes: UnsafePointer<UInt8>
    ) {
        self.rows = rows
        self.rowCount = rowCount
        self.slots = slots
        self.slotMask = slotMask
        self.nameBytes = nameBytes
    }

    /// The row of a command we know by its identity.
    @inlinable
    public subscript(id: CommandID) -> UnsafePointer<CommandRow> { rows + Int(id.rawValue) }

    /// The row of a command of the top level, in any letter case; nil if it is unknown.
    /// Reads no byte outside `name ..< name + count`; never allocates.
    @inlinable
    public func row(name: UnsafePointer<UInt8>, count: Int) -> UnsafePointer<CommandRow>? {
        search(name, count: count, parent: 0)
    }

    /// The row of a subcommand of `container`; nil if it has none of that name.
    @inlinable
    public func subcommand(
        of container: UnsafePointer<CommandRow>, name: UnsafePointer<UInt8>, count: Int
    ) -> UnsafePointer<CommandRow>? {
        search(name, count: count, parent: container.pointee.id.rawValue &+ 1)
    }

    /// The row of a request, its subcommand's where it names one; nil if either is unknown.
    ///
    /// - Parameter first: the argument that is its name.
    package func row(of request: RequestView, at first: Int = 0) -> UnsafePointer<CommandRow>? {
        guard let row = row(name: request[first].start, count: request[first].count) else { return nil }
        guard row.pointee.flags.contains(.container), request.argumentCount > first + 1 else { return row }
        return subcommand(of: row, name: request[first + 1].start, count: request[first + 1].count)
    }

    @inlinable
    func search(_ name: UnsafePointer<UInt8>, count: Int, parent: UInt16) -> UnsafePointer<CommandRow>? {
        guard count > 0 else { return nil }
        let key = NameKey(name, count: count)
        var place = key.place(count: count, parent: parent, mask: slotMask)
        // Ends: at least half of the places are free.
        while true {
            let slot = slots + place
            if slot.pointee.count == 0 { return nil }
            if slot.pointee.key == key, Int(slot.pointee.count) == count, slot.pointee.parent == parent,
                count <= 16 || hasSameMiddle(name, slot: slot)
            {
                return rows + Int(slot.pointee.row)
            }
            place = (place &+ 1) & slotMask
        }
    }

    /// The bytes that a key of a long name leaves out, between its first and last 8.
    @usableFromInline
    func hasSameMiddle(_ name: UnsafePointer<UInt8>, slot: UnsafePointer<NameSlot>) -> Bool {
        let stored = nameBytes + Int(slot.pointee.nameOffset)
        for index in 8..<(Int(slot.pointee.count) - 8) {
            let byte = name[index]
            let folded = byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte - 32 : byte
            if folded != stored[index] { return false }
        }
        return true
    }
}
