// What changes between two configs, in words, and how many keys it moves.

import Settings
import Testing

@testable import keyway

@Suite struct ReloadPlanTests {
    private static let before = """
        keyway:
          workers: 2
        a:
          listen: 127.0.0.1:1
          redis_auth: secret
          servers:
            - 127.0.0.1:11:1 one
            - 127.0.0.1:12:1 two
        """

    private func plan(_ after: String, before: String = before) throws -> ReloadPlan {
        let (old, new) = (
            try Settings.parse(text: before, fileName: "old"), try Settings.parse(text: after, fileName: "new")
        )
        return ReloadPlan(from: old, try Assembly(old), to: new, try Assembly(new))
    }

    @Test func theSameFileChangesNothing() throws {
        let plan = try plan(Self.before + "\n# a comment\n")
        #expect(plan.isEmpty && !plan.movesKeys && plan.refusals.isEmpty && plan.lines.isEmpty)
        #expect(
            try self.plan(Self.before.replacing("listen:", with: "timeout: 5000\n  listen:")).isEmpty, "the default")
    }

    @Test func keysAreNamedWithBothValuesButNoSecret() throws {
        let plan = try plan(
            Self.before.replacing("workers: 2", with: "workers: 3\n  maxclients: 5").replacing("secret", with: "other")
                .replacing("listen:", with: "timeout: 7\n  listen:"))
        #expect(
            plan.lines == [
                "keyway.workers: 2 -> 3", "keyway.maxclients: 10000 -> 5", "pool a: timeout: 5000 -> 7",
                "pool a: redis_auth changes",
            ])
        #expect(!plan.movesKeys)
    }

    @Test func anotherTokenOfTheAdminPortIsRefusedAndNotShown() throws {
        let admin = "admin_listen: 127.0.0.1:5\n  admin_token: the-first-of-two-tokens\n  workers"
        let before = Self.before.replacing("workers", with: admin)
        let plan = try plan(before.replacing("the-first", with: "the-second"), before: before)
        #expect(plan.lines == ["keyway.admin_token changes"])
        #expect(plan.refusals.count == 1 && plan.refusals[0].contains("admin_token"))
    }

    @Test func aServerMoreMovesItsShareOfTheKeys() throws {
        let plan = try plan(Self.before + "\n    - 127.0.0.1:13:1 three\n")
        #expect(plan.movesKeys && plan.pools[0].hasOtherServers)
        #expect((25.0...42.0).contains(plan.pools[0].movedPercent), "\(plan.pools[0].movedPercent) of about 33 %")
        #expect(plan.lines[0] == "pool a: server 127.0.0.1:13: added")
        #expect(plan.lines[1].hasSuffix(" of all keys move to another server"))
        #expect(plan.lines[2].hasPrefix("pool a: for example key:") && plan.pools[0].samples.count == 5)
        #expect(plan.pools[0].samples.allSatisfy { $0.to == "127.0.0.1:13" })
    }

    @Test func anotherOrderMovesNothingWithKetama() throws {
        let two = "    - 127.0.0.1:12:1 two"
        let after = Self.before.replacing("\n" + two, with: "").replacing("servers:\n", with: "servers:\n\(two)\n")
        let plan = try plan(after)
        #expect(!plan.movesKeys && !plan.pools[0].hasOtherServers)
        #expect(plan.lines == ["pool a: the order of the servers changes"])
    }

    /// A server that moves to another machine keeps its place on the ring, and its keys are elsewhere all the same.
    @Test func aServerAtAnotherAddressMovesItsKeys() throws {
        let plan = try plan(Self.before.replacing("127.0.0.1:12:1", with: "127.0.0.1:99:1"))
        #expect((35.0...65.0).contains(plan.pools[0].movedPercent))
    }

    @Test func weightsAndNamesAreSaid() throws {
        let plan = try plan(Self.before.replacing("12:1 two", with: "12:3 two"))
        #expect(plan.lines[0] == "pool a: server 127.0.0.1:12: two with weight 1 -> two with weight 3")
        #expect(plan.movesKeys && !plan.pools[0].hasOtherServers)
    }

    @Test func poolsComeAndGo() throws {
        let other = "\nb:\n  listen: 127.0.0.1:2\n  servers:\n    - 127.0.0.1:21:1\n"
        let more = try plan(Self.before + other)
        #expect(more.lines == ["pool b: added"] && !more.movesKeys)
        let less = try plan(Self.before, before: Self.before + other)
        #expect(less.removed == ["b"] && less.lines == ["pool b: removed; its clients are closed"])
    }

    @Test func whatNeedsANewStartIsRefused() throws {
        #expect(
            try !plan(Self.before.replacing("workers", with: "stats_listen: 127.0.0.1:9\n  workers")).refusals.isEmpty)
        let embedded = "\nb:\n  listen: 127.0.0.1:2\n  servers:\n    embedded: 2\n"
        #expect(try plan(Self.before + embedded).refusals.count == 1)
        #expect(try plan(Self.before, before: Self.before + embedded).refusals.count == 1)
        #expect(
            try plan(Self.before + embedded.replacing(": 2\n", with: ": 3\n"), before: Self.before + embedded).refusals
                .count == 1)
        #expect(try plan(Self.before + embedded, before: Self.before + embedded).isEmpty)
    }
}
