// ReplyPlace: a place in a client's order of replies, and all those places that one reply goes to.
// A read that several have asked for has its first place in its ticket; each place names the next (ReplySlot).
// Not here: who may hang behind whom (Engine+Coalescing), filling places (Engine+Replies).

import Upstream

struct ReplyPlace: BitwiseCopyable, Hashable {
    let client: ClientRef
    let sequence: UInt32

    init(client: ClientRef, sequence: UInt32) {
        self.client = client
        self.sequence = sequence
    }

    /// The first one of a ticket for clients.
    init(_ ticket: ReplyTicket) {
        client = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Client.self)
        sequence = ticket.index
    }

    var slot: UnsafeMutablePointer<ReplySlot> { client.slot(sequence) }

    /// From here on the reply goes there, too.
    func put(_ other: ReplyPlace) {
        other.slot.pointee.sharer = slot.pointee.sharer
        other.slot.pointee.sharerSequence = slot.pointee.sharerSequence
        slot.pointee.sharer = other.client
        slot.pointee.sharerSequence = other.sequence
    }
}

/// The places of a ticket for clients. Each is left behind before it is handed out, so its client may go meanwhile.
struct ReplyPlaces: Sequence, IteratorProtocol {
    private var place: ReplyPlace?
    private let isShared: Bool

    init(_ ticket: ReplyTicket) {
        place = ReplyPlace(ticket)
        isShared = ticket.kind == .shared
    }

    mutating func next() -> ReplyPlace? {
        guard let place else { return nil }
        self.place = nil
        // One alone may be of a client that has gone and given its places back.
        if isShared, let sharer = place.slot.pointee.sharer {
            self.place = ReplyPlace(client: sharer, sequence: place.slot.pointee.sharerSequence)
        }
        return place
    }
}
