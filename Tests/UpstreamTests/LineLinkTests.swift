import Testing

@testable import Upstream

struct LineLinkTests {
    private static let events: [LineLink.Event] = [
        .open, .addressFound, .connected, .greeted, .failed, .rested, .retired,
    ]

    /// The shortest way into each state.
    private static let ways: [(state: LineLink.State, events: [LineLink.Event])] = [
        (.idle, []), (.finding, [.open]), (.connecting, [.open, .addressFound]),
        (.greeting, [.open, .addressFound, .connected]), (.ready, [.open, .addressFound, .connected, .greeted]),
        (.resting, [.open, .failed]),
    ]

    /// What each state answers to each event of `events`; nil where only a bug of ours can send it.
    private static let table: [[(LineLink.State, LineLink.Action)?]] = [
        [(.finding, .findAddress), nil, nil, nil, nil, nil, (.idle, .close)],
        [(.finding, .nothing), (.connecting, .nothing), nil, nil, (.resting, .closeAndRest), nil, (.idle, .close)],
        [(.connecting, .nothing), nil, (.greeting, .greet), nil, (.resting, .closeAndRest), nil, (.idle, .close)],
        [(.greeting, .nothing), nil, nil, (.ready, .flush), (.resting, .closeAndRest), nil, (.idle, .close)],
        [(.ready, .nothing), nil, nil, nil, (.resting, .closeAndRest), nil, (.idle, .close)],
        [(.resting, .nothing), nil, nil, nil, nil, (.finding, .findAddress), (.idle, .close)],
    ]

    private static func link(in index: Int) -> LineLink {
        var link = LineLink()
        for event in ways[index].events { _ = link.handle(event) }
        precondition(link.state == ways[index].state)
        return link
    }

    @Test func everyPairThatCanHappenIsAnswered() {
        for (stateIndex, row) in Self.table.enumerated() {
            for (eventIndex, answer) in row.enumerated() {
                guard let answer else { continue }
                var link = Self.link(in: stateIndex)
                let action = link.handle(Self.events[eventIndex])
                #expect(action == answer.1 && link.state == answer.0, "\(Self.ways[stateIndex].state), \(eventIndex)")
            }
        }
    }

    private static let bugs = (0..<table.count * events.count).filter {
        table[$0 / events.count][$0 % events.count] == nil
    }

    @Test(arguments: bugs)
    func everyOtherPairTraps(pair: Int) async {
        await #expect(processExitsWith: .failure) { [pair] in
            var link = Self.link(in: pair / Self.events.count)
            _ = link.handle(Self.events[pair % Self.events.count])
        }
    }

    @Test func thereAreAsManyBugsAsTheMachineLists() { #expect(Self.bugs.count == 22) }
}
