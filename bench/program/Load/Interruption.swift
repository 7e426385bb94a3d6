// Interruption: the user wants the run to end. It is asked for once and stays; what was measured so far is reported.
// Not here: the signals (Command/Signals).

import Synchronization

final class Interruption: Sendable {
    let bell: Bell
    private let raised = Atomic<Bool>(false)

    init(bell: Bell) { self.bell = bell }

    var isRaised: Bool { raised.load(ordering: .acquiring) }

    func raise() {
        raised.store(true, ordering: .releasing)
        bell.ring()
    }
}
