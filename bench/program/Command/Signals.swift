// Signals: Ctrl-C and SIGTERM. The first asks for an end with a report, the second ends the process at once.
// They are blocked before any thread starts, so that every thread inherits that, and taken by a thread of their own: no
// code of ours ever runs inside a signal handler.

import Glibc
import Platform

enum Signals {
    /// Before any thread starts.
    static func takeOver(_ interruption: Interruption) throws(SystemError) {
        signal(SIGPIPE, SIG_IGN)
        var set = taken()
        let result = pthread_sigmask(SIG_BLOCK, &set, nil)
        precondition(result == 0, "Signals: sigmask")
        WorkerThread.detach(try WorkerThread.start(name: "signals") { listen(interruption) })
    }

    private static func listen(_ interruption: Interruption) {
        var set = taken()
        while true {
            var number: Int32 = 0
            guard sigwait(&set, &number) == 0 else { continue }
            if interruption.isRaised { _exit(ExitStatus.interrupted) }
            interruption.raise()
        }
    }

    private static func taken() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT] { sigaddset(&set, number) }
        return set
    }
}
