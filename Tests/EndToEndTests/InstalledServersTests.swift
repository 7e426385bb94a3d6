// InstalledServersTests: says aloud which real servers the end-to-end tests run over, and which are missing.

import TestKit
import Testing

@Suite struct InstalledServersTests {
    /// Goal: nobody takes a run without servers for a green one.
    /// Method: KEYWAY_TEST_REQUIRE_SERVERS=1 (CI) makes a missing server a failure; else it is printed.
    @Test func everyServerThatTheSuiteWantsIsInstalled() {
        say("end-to-end tests run over: \(Servers.found.isEmpty ? "nothing" : "\(Servers.found)")")
        for missing in Servers.missing {
            say("SKIPPED: no \(missing) here, so nothing is tested over it; `make test` installs it")
            if Servers.areRequired { Issue.record("\(missing) is missing and KEYWAY_TEST_REQUIRE_SERVERS is 1") }
        }
    }
}
