// What is made of COMMAND INFO: the class of a command that nobody wrote down.

import Testing

@testable import Routing

@Suite struct LearnedCommandsTests {
    private func info(
        arity: Int, _ flags: [String], first: Int, last: Int, step: Int, tips: [String] = []
    ) -> ReplyValue {
        .array([
            .array([
                .text("x"), .integer(arity), .array(flags.map { .text($0) }), .integer(first), .integer(last),
                .integer(step), .array([]), .array(tips.map { .text($0) }), .array([]), .array([]),
            ])
        ])
    }

    private func learned(_ info: ReplyValue) -> CommandRow? {
        let commands = LearnedCommands()
        commands.learn([120], info)
        guard case .row(let row) = commands.answer(for: [120]) else { return nil }
        return row.pointee
    }

    @Test func keysDecideTheClass() throws {
        let single = try #require(learned(info(arity: 2, ["write"], first: 1, last: 1, step: 1)))
        #expect(single.commandClass == .key && single.keyFirst == 1 && single.flags.contains(.write))
        let several = try #require(learned(info(arity: -2, ["readonly"], first: 1, last: -1, step: 1)))
        #expect(several.commandClass == .sameShard && several.keyFinding == .range)
        let blocking = try #require(learned(info(arity: 3, ["write", "blocking"], first: 1, last: 1, step: 1)))
        #expect(blocking.commandClass == .pinned)
        #expect(try #require(learned(info(arity: 1, [], first: 0, last: 0, step: 0))).commandClass == .script)
    }

    @Test func tipsDecideHowAllShardsAnswer() throws {
        let row = try #require(
            learned(
                info(
                    arity: 1, ["readonly"], first: 0, last: 0, step: 0,
                    tips: ["request_policy:all_shards", "response_policy:agg_sum"])))
        #expect(row.commandClass == .broadcast && LearnedCommands.mergeRule(row.responsePolicy) == .sum)
    }

    @Test(arguments: [
        ReplyValue.array([.array(nil)]), .array([.null]), .failure("ERR no"), .array([]), .text("x"),
        .array([.array([.text("x")])]),
    ])
    func whatIsNoDescriptionIsUnknown(info: ReplyValue) {
        let commands = LearnedCommands()
        #expect(commands.answer(for: [120]) == .notAsked)
        commands.learn([120], info)
        #expect(commands.answer(for: [120]) == .unknown)
    }

    @Test func keysThatOnlyTheServerFindsAreNotGuessed() {
        #expect(learned(info(arity: -3, ["write", "movablekeys"], first: 0, last: 0, step: 0)) == nil)
    }

    @Test func namesThatClientsMakeUpAreBounded() {
        let commands = LearnedCommands()
        for number in 0..<3_000 { commands.learn(Array("\(number)".utf8), .array([.null])) }
        #expect(commands.answer(for: Array("0".utf8)) == .notAsked)
        #expect(commands.answer(for: Array("2999".utf8)) == .unknown)
    }
}
