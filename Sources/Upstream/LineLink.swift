// LineLink: the life of one backend connection as a state machine. It decides and returns; it never touches a socket,
// a clock or a log.
//
//             open              addressFound           connected             greeted
//     idle ──────────► finding ──────────────► connecting ──────► greeting ──────────► ready
//      ▲                  │ failed                 │ failed           │ failed            │ failed
//      │                  └────────────────────────┴───────┬──────────┴───────────────────┘
//      │                                                   ▼
//      └──────────────── retired ───────────────────── resting ──── rested ──► finding
//
// Not here: what waits on the connection (Line), how long a rest is (Backoff).

package struct LineLink: BitwiseCopyable, Equatable, Sendable {
    package enum State: BitwiseCopyable, Sendable { case idle, finding, connecting, greeting, ready, resting }
    package enum Event: Sendable { case open, addressFound, connected, greeted, failed, rested, retired }
    package enum Action: Sendable, Equatable {
        case nothing
        /// Look the address up and connect.
        case findAddress
        /// Send AUTH, SELECT and CLIENT SETNAME.
        case greet
        /// Write what waits.
        case flush
        /// Close the socket, if there is one, and wait before the next attempt.
        case closeAndRest
        /// Close the socket, if there is one, for good.
        case close
    }

    package private(set) var state = State.idle

    package init() {}

    package mutating func handle(_ event: Event) -> Action {
        let (next, action): (State, Action) =
            switch (state, event) {
            case (.idle, .open): (.finding, .findAddress)
            case (.resting, .rested): (.finding, .findAddress)
            case (.finding, .addressFound): (.connecting, .nothing)
            case (.connecting, .connected): (.greeting, .greet)
            case (.greeting, .greeted): (.ready, .flush)
            case (.finding, .failed), (.connecting, .failed), (.greeting, .failed), (.ready, .failed):
                (.resting, .closeAndRest)
            // A connection that is on its way, or rests, needs no second push.
            case (.finding, .open), (.connecting, .open), (.greeting, .open), (.ready, .open), (.resting, .open):
                (state, .nothing)
            case (_, .retired): (.idle, .close)
            // Our own bugs, listed so that a new state does not compile until every pair is decided.
            case (.idle, .addressFound), (.idle, .connected), (.idle, .greeted), (.idle, .failed), (.idle, .rested),
                (.finding, .connected), (.finding, .greeted), (.finding, .rested),
                (.connecting, .addressFound), (.connecting, .greeted), (.connecting, .rested),
                (.greeting, .addressFound), (.greeting, .connected), (.greeting, .rested),
                (.ready, .addressFound), (.ready, .connected), (.ready, .greeted), (.ready, .rested),
                (.resting, .addressFound), (.resting, .connected), (.resting, .greeted), (.resting, .failed):
                preconditionFailure("LineLink: \(event) while \(state)")
            }
        state = next
        return action
    }
}
