// Which clients the options of CLIENT LIST and CLIENT KILL mean, and what is wrong with options, in Valkey's words.

import Testing

@testable import Session

struct ClientFilterTests {
    private static let client = ClientPortrait(
        id: 7, address: "10.0.0.1:5000", localAddress: "10.0.0.2:6379", isSubscriber: false, flags: "xT", name: "me",
        libraryName: "lib", libraryVersion: "1.0", database: 3, takesRedirections: true, ageS: 60, idleS: 10)

    private func filter(_ options: [String], skipsAsker: Bool = false) throws(ClientFilter.Refusal) -> ClientFilter {
        try ClientFilter(
            words: (["CLIENT", "LIST"] + options).map { Array($0.utf8) }, askerID: 7, skipsAsker: skipsAsker,
            databaseCount: 16)
    }

    @Test(arguments: [
        ["ID", "7"], ["id", "1", "7", "9"], ["TYPE", "normal"], ["USER", "default"], ["ADDR", "10.0.0.1:5000"],
        ["LADDR", "10.0.0.2:6379"], ["NAME", "me"], ["FLAGS", "x"], ["FLAGS", "Tx"], ["FLAGS", ""],
        ["LIB-NAME", "lib"], ["LIB-VER", "1.0"], ["DB", "3"], ["CAPA", "r"], ["CAPA", ""], ["IP", "10.0.0.1"],
        ["FLAGS", "\0q"], ["NAME", "me\0x"],
    ])
    func whatHoldsNamesAndWithNotLeavesOut(options: [String]) throws {
        #expect(try filter(options).matches(Self.client))
        #expect(try !filter(["NOT-" + options[0]] + options.dropFirst()).matches(Self.client))
        #expect(try !filter(options + ["MAXAGE", "61"]).matches(Self.client), "all must hold")
    }

    @Test(arguments: [
        ["ID", "8"], ["ID", "TYPE", "normal"], ["TYPE", "pubsub"], ["TYPE", "replica"], ["ADDR", "10.0.0.1:5001"],
        ["LADDR", "10.0.0.1:5000"], ["NAME", "other"], ["NAME", ""], ["FLAGS", "N"], ["FLAGS", "xb"],
        ["LIB-NAME", "li"], ["LIB-VER", "1"], ["DB", "0"], ["IP", "10.0.0"],
    ])
    func whatDoesNotHoldNamesNobody(options: [String]) throws {
        #expect(try !filter(options).matches(Self.client))
        if options.count == 2 { #expect(try filter(["NOT-" + options[0], options[1]]).matches(Self.client)) }
    }

    @Test func agesAndTheAskerAreLimits() throws {
        #expect(try filter(["MAXAGE", "60", "IDLE", "10"]).matches(Self.client))
        #expect(try !filter(["IDLE", "11"]).matches(Self.client))
        #expect(try !filter(["SKIPME", "yes"]).matches(Self.client))
        #expect(try !filter([], skipsAsker: true).matches(Self.client))
        #expect(try filter(["SKIPME", "no"], skipsAsker: true).matches(Self.client))
    }

    @Test func ofTwoTheLastCountsAndIDsAddUp() throws {
        #expect(try filter(["NAME", "other", "NAME", "me"]).matches(Self.client))
        #expect(try filter(["ID", "7", "TYPE", "normal", "ID", "8"]).matches(Self.client))
    }

    @Test func anAddressOfSixIsComparedWithoutBrackets() throws {
        var client = Self.client
        client.address = "[::1]:5000"
        #expect(try filter(["IP", "::1"]).matches(client))
        client.address = "unix"
        #expect(try !filter(["IP", "unix"]).matches(client))
    }

    @Test(arguments: [
        (["ID", "0"], "ERR client-id should be greater than 0"), (["ID", "01"], "ERR syntax error"),
        (["NOT-ID", "7", "-1"], "ERR client-id should be greater than 0"), (["ADDR"], "ERR syntax error"),
        (["NOSUCH", "x"], "ERR syntax error"), (["NOT-SKIPME", "yes"], "ERR syntax error"),
        (["SKIPME", "maybe"], "ERR syntax error"), (["TYPE", "x"], "ERR Unknown client type 'x'"),
        (["USER", "me"], "ERR No such user 'me'"), (["NOT-USER", "me"], "ERR No such user 'me'"),
        (["MAXAGE", "x"], "ERR maxage is not an integer or out of range"),
        (["MAXAGE", "0"], "ERR maxage should be greater than 0"),
        (["IDLE", "+1"], "ERR idle is not an integer or out of range"),
        (["FLAGS", "xq"], "ERR Unknown flags found in the provided filter: xq"),
        (["NOT-FLAGS", "q"], "ERR Unknown flags found in the NOT-FLAGS filter: q"),
        (["FLAGS", "q\0x"], "ERR Unknown flags found in the provided filter: q"),
        (["CAPA", "x"], "ERR Unknown capa found in the provided filter: x"),
        (["NOT-CAPA", "x"], "ERR Unknown capa found in the NOT-CAPA filter: x"),
        (["DB", "x"], "ERR DB is not an integer or out of range"),
        (["DB", "16"], "ERR DB number should be between 0 and 15"),
        (["NOT-DB", "-1"], "ERR NOT-DB number should be between 0 and 15"),
    ])
    func whatIsWrongIsSaidInValkeysWords(options: [String], error: String) {
        #expect(throws: ClientFilter.Refusal(error)) { try filter(options) }
    }
}
