// SampledReplies: sampled requests that wait for their replies, so that the size of a reply can be told to its key.
// A handle is a place here and the turn of that place, never 0.
// A place is not given away while a reply may still come; then a sample goes without.
// Not here: what a reply's size means (HotKeySketch).

struct SampledReplies: BitwiseCopyable {
    private struct Place: BitwiseCopyable {
        var isWaiting = false
        /// 1 ... 7.
        var turn: UInt8 = 1
        var shardIndex: Int32 = 0
        var sinceMs: UInt64 = 0
    }

    static let placeCount = 32
    private static let turnMax: UInt8 = 7
    /// A reply that is later than this is lost, for all that is known here.
    private static let waitMsMax: UInt64 = 10_000

    private let places: UnsafeMutablePointer<Place>
    let shelf: KeyShelf
    private var nextPlace = 0

    static var sizeBytes: Int { placeCount * MemoryLayout<Place>.stride + KeyShelf.sizeBytes(keyCount: placeCount) }

    static func allocate() -> SampledReplies {
        let places = UnsafeMutablePointer<Place>.allocate(capacity: placeCount)
        places.initialize(repeating: Place(), count: placeCount)
        return SampledReplies(places: places, shelf: .allocate(keyCount: placeCount))
    }

    private init(places: UnsafeMutablePointer<Place>, shelf: KeyShelf) {
        self.places = places
        self.shelf = shelf
    }

    func deallocate() {
        places.deallocate()
        shelf.deallocate()
    }

    /// - Returns: `.none` when no place is free.
    mutating func expect(_ key: HashedKey, shardIndex: Int32, nowMs: UInt64) -> ReplyHandle {
        let index = nextPlace
        let place = places + index
        nextPlace = (index &+ 1) % Self.placeCount
        guard !place.pointee.isWaiting || nowMs > place.pointee.sinceMs &+ Self.waitMsMax else { return .none }
        let turn = place.pointee.turn % Self.turnMax &+ 1
        place.pointee = Place(isWaiting: true, turn: turn, shardIndex: shardIndex, sinceMs: nowMs)
        shelf.put(key, at: index)
        return ReplyHandle(rawValue: UInt8(truncatingIfNeeded: index) &<< 3 | turn)
    }

    /// The request's key, on the shelf until the next sample, and its shard; nil for a reply that is too late.
    func take(_ handle: ReplyHandle) -> (key: HashedKey, shardIndex: Int32)? {
        let index = Int(handle.rawValue &>> 3)
        let place = places + index
        guard place.pointee.isWaiting, place.pointee.turn == handle.rawValue & Self.turnMax else { return nil }
        place.pointee.isWaiting = false
        return (shelf.key(at: index), place.pointee.shardIndex)
    }
}
