// Signals: which signals the process takes, and what each asks for: as in twemproxy, SIGUSR1 for a reload and SIGUSR2
// for an upgrade. They are blocked before any thread starts, so that every thread inherits that, and taken one by one
// by the main thread: no code of ours ever runs inside a signal handler.

import Glibc

enum Signals {
    enum Request: Equatable {
        /// SIGTERM, SIGINT
        case stop
        /// SIGHUP
        case reopenLog
        /// SIGUSR1
        case reload
        /// SIGUSR2
        case upgrade
        /// SIGTTIN
        case louder
        /// SIGTTOU
        case quieter
    }

    /// Blocks what `next()` takes and ignores what a lost reader sends. Before any thread starts.
    static func takeOver() {
        signal(SIGPIPE, SIG_IGN)
        var set = taken()
        let result = pthread_sigmask(SIG_BLOCK, &set, nil)
        precondition(result == 0, "Signals: sigmask")
    }

    /// Waits for the next signal.
    static func next() -> Request {
        var set = taken()
        while true {
            var number: Int32 = 0
            if sigwait(&set, &number) == 0, let request = request(number) { return request }
        }
    }

    /// - Returns: nil for a signal that asks for nothing.
    static func request(_ number: Int32) -> Request? {
        switch number {
        case SIGTERM, SIGINT: .stop
        case SIGHUP: .reopenLog
        case SIGUSR1: .reload
        case SIGUSR2: .upgrade
        case SIGTTIN: .louder
        case SIGTTOU: .quieter
        default: nil
        }
    }

    private static func taken() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU] { sigaddset(&set, number) }
        return set
    }
}
