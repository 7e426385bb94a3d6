// Messages reach a worker in order, and its poller wakes for them.

import Platform
import Testing

@testable import Session

struct MailboxTests {
    @Test func messagesAreTakenOnceAndInOrder() throws {
        let box = try Mailbox()
        let survey = ClientSurvey(
            .list, filter: ClientFilter(id: 1), origin: box, client: 1, sequence: 0, workerCount: 1)
        box.post(.survey(survey))
        box.post(.drain)
        let taken = box.takeAll()
        guard case .survey = taken[0], case .drain = taken[1] else {
            Issue.record("the order was lost")
            return
        }
        #expect(taken.count == 2)
        #expect(box.takeAll().isEmpty)
    }

    @Test func aPostWakesThePoller() throws {
        let box = try Mailbox()
        let poller = try Poller()
        try poller.watch(box.wakeup.descriptor, .read, tag: 7)
        #expect(poller.wait(timeoutMs: 0) == 0)
        box.post(.drain)
        #expect(poller.wait(timeoutMs: 5_000) == 1)
        #expect(poller.readiness(at: 0).tag == 7)
        _ = box.takeAll()
        #expect(poller.wait(timeoutMs: 0) == 0)
    }
}
