// KeySpec: one key specification of Valkey's command JSON: where a search begins and how keys follow from there.
// The rule: the numbers are those that COMMAND INFO shows, unchanged.
// Not here: following a specification through a request (KeyFinder).

/// A place where keys may be. 16 bytes; all of a row's specifications lie in the row.
public struct KeySpec: BitwiseCopyable, Sendable, Equatable {
    public enum Begin: UInt8, BitwiseCopyable, Sendable { case none, index, keyword, unknown }
    public enum Find: UInt8, BitwiseCopyable, Sendable { case none, range, keynum, unknown }
    public enum Keyword: UInt8, BitwiseCopyable, Sendable { case none, streams, store, storeDist, keys }

    public let begin: Begin
    public let keyword: Keyword
    public let find: Find
    /// The argument routes like a key but is none (a channel, a cursor).
    public let isNotKey: Bool
    /// Argument index, or where the search for the keyword starts (negative: from the end, backwards).
    public let position: Int16
    /// Range: last key, counted from the first one, or from the end if negative.
    public let last: Int16
    public let step: Int16
    /// Range with a negative `last`: 0 and 1 all of it, 2 its first half, 3 its first third.
    public let limit: Int16
    /// Keynum: both counted from `position`.
    public let keynumOffset: Int16
    public let firstKeyOffset: Int16

    private init(
        begin: Begin, keyword: Keyword = .none, find: Find, isNotKey: Bool = false, position: Int16 = 0,
        last: Int16 = 0, step: Int16 = 0, limit: Int16 = 0, keynumOffset: Int16 = 0, firstKeyOffset: Int16 = 0
    ) {
        self.begin = begin
        self.keyword = keyword
        self.find = find
        self.isNotKey = isNotKey
        self.position = position
        self.last = last
        self.step = step
        self.limit = limit
        self.keynumOffset = keynumOffset
        self.firstKeyOffset = firstKeyOffset
    }

    static var none: KeySpec { KeySpec(begin: .none, find: .none) }
    static var unknown: KeySpec { KeySpec(begin: .unknown, find: .unknown) }

    static func range(
        at position: Int16, last: Int16, step: Int16, limit: Int16, notKey: Bool = false
    ) -> KeySpec {
        KeySpec(
            begin: .index, find: .range, isNotKey: notKey, position: position, last: last, step: step, limit: limit)
    }

    static func keynum(at position: Int16, number: Int16, first: Int16, step: Int16) -> KeySpec {
        KeySpec(
            begin: .index, find: .keynum, position: position, step: step, keynumOffset: number,
            firstKeyOffset: first)
    }

    static func keyword(
        _ keyword: Keyword, from position: Int16, last: Int16, step: Int16, limit: Int16
    ) -> KeySpec {
        KeySpec(
            begin: .keyword, keyword: keyword, find: .range, position: position, last: last, step: step,
            limit: limit)
    }
}
