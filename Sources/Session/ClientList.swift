// ClientList: one worker's clients, one after the other. Whoever walks over them may close the one at hand,
// but no other.
// Not here: the links themselves (Engine.addClient, close).

struct ClientList: Sequence, IteratorProtocol {
    private var following: ClientRef?

    init(from first: ClientRef?) { following = first }

    mutating func next() -> ClientRef? {
        guard let client = following else { return nil }
        following = client.pointee.next
        return client
    }
}
