// The last worker to answer sends a survey home, and only the last.

import Testing

@testable import Session

struct ClientSurveyTests {
    @Test func theLastAnswerSendsItHome() throws {
        let box = try Mailbox()
        let survey = ClientSurvey(
            .list, filter: ClientFilter(id: 1), origin: box, client: 1, sequence: 0, workerCount: 3)
        survey.add(lines: [(5, "id=5")], count: 0)
        survey.add(lines: [], count: 1)
        #expect(box.takeAll().isEmpty)
        survey.add(lines: [(2, "id=2")], count: 2)
        let taken = box.takeAll()
        #expect(taken.count == 1)
        #expect(survey.listText == "id=2\nid=5\n")
        #expect(survey.count == 3)
    }
}
