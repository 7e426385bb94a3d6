import Glibc
import Testing

@testable import keyway

@Test(arguments: [
    (SIGTERM, Signals.Request.stop), (SIGINT, .stop), (SIGHUP, .reopenLog), (SIGTTIN, .louder), (SIGTTOU, .quieter),
    (SIGUSR1, .reload), (SIGUSR2, .upgrade),
])
func aSignalAsksForOneThing(_ number: Int32, _ request: Signals.Request) {
    #expect(Signals.request(number) == request)
}

@Test func theOthersAskForNothing() {
    for number in [SIGWINCH, SIGPIPE, SIGCHLD] { #expect(Signals.request(number) == nil) }
}
