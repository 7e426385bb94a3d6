// ConnectionCommandsTests: commands that act on connections and whose effect lasts: MONITOR, CLIENT KILL, PAUSE,
// TRACKING, NO-EVICT and NO-TOUCH, QUIT, RESET. Where one server shows the same, it plays the same scene.
// Not here: the list of clients over all workers (ClientTableTests).

import TestKit
import Testing

@Suite(.serialized) struct ConnectionCommandsTests {
    /// Where a scene is played.
    private struct Stage {
        let name: String
        let connect: () throws -> RESPConnection
    }

    /// One server, and Keyway over four.
    private func stages(_ server: Server) throws -> [Stage] {
        let direct = try ServerProcess(server)
        let rig = try Rig(server)
        return [
            Stage(name: "one server") { try direct.connect() }, Stage(name: "Keyway") { try rig.connect() },
        ]
    }

    // MARK: MONITOR

    @Test(arguments: Servers.found) func monitorShowsWhatAServerShows(_ server: Server) throws {
        let commands: [[String]] = [
            ["SET", "a", "1"], ["get", "a"], ["MSET", "b", "2", "c", "3"],
            ["SET", "odd", "\"\\\r\n\t\u{7}\u{8}\u{1}é"], ["SELECT", "2"], ["GET", "a"], ["PING"], ["MULTI"],
            ["INCR", "n"], ["EXEC"],
        ]
        var shown: [[String]] = []
        for stage in try stages(server) {
            let (watching, client) = (try stage.connect(), try stage.connect())
            #expect(try watching.command("MONITOR") == .ok, "\(stage.name)")
            for command in commands { _ = try client.command(command) }
            shown.append(
                try commands.map { _ -> String in
                    // `1700000000.123456 [0 127.0.0.1:5000] "SET" "a" "1"`: the time and the port differ.
                    let words = try watching.reply().text?.split(separator: " ", maxSplits: 3) ?? []
                    #expect(words.count == 4 && words[0].contains(".") && words[2].hasPrefix("127.0.0.1:"))
                    return "\(words[1]) \(words[3])"
                })
        }
        #expect(shown[0] == shown[1])
    }

    @Test(arguments: Servers.newest) func aMonitorIsShownTheClientsOfAllWorkers(_ server: Server) throws {
        let rig = try Rig(server, workers: 2)
        let watching = try rig.connect()
        let clients = try (0..<8).map { _ in try rig.connect() }
        #expect(try watching.command("MONITOR") == .ok)
        var missing = Set(clients.indices)
        // The other worker hears of a monitor a moment later.
        try eventually("the monitor is shown every client") {
            for index in missing { _ = try clients[index].command("ECHO", "client\(index)") }
            while watching.hasInput(withinSeconds: 0.01) {
                let line = try watching.reply().text ?? ""
                missing = missing.filter { !line.hasSuffix("\"client\($0)\"") }
            }
            return missing.isEmpty
        }
    }

    // MARK: KILL

    @Test(arguments: Servers.found) func aClientIsKilledByItsNumberItsAddressAndItself(_ server: Server) throws {
        for stage in try stages(server) {
            let killer = try stage.connect()
            for form in [["ID", "id"], ["ADDR", "addr"], ["addr"]] {
                let victim = try stage.connect()
                let fields = try self.fields(of: victim)
                let words = form.map { fields[$0] ?? $0 }
                let reply = try killer.command(["CLIENT", "KILL"] + words)
                #expect(reply == (words.count == 1 ? .ok : 1), "\(stage.name): \(form)")
                #expect(try victim.waitsForClose())
                #expect(try killer.command("PING") == .simple("PONG"))
            }
            for form in [["ID", "id", "SKIPME", "no"], ["addr"]] {
                let client = try stage.connect()
                let fields = try self.fields(of: client)
                let words = form.map { fields[$0] ?? $0 }
                let reply = try client.command(["CLIENT", "KILL"] + words)
                #expect(reply == (words.count == 1 ? .ok : 1), "\(stage.name): \(form)")
                #expect(try client.waitsForClose())
            }
            let own = try #require(try fields(of: killer)["id"])
            #expect(try killer.command("CLIENT", "KILL", "ID", own) == 0, "\(stage.name) skips the asker")
        }
    }

    // MARK: PAUSE

    @Test(arguments: Servers.found) func aPauseHoldsCommandsUntilItsEnd(_ server: Server) throws {
        let rig = try Rig(server)
        let (pausing, client, reader) = (try rig.connect(), try rig.connect(), try rig.connect())
        let id = try #require(try client.command("CLIENT", "ID").integer)
        for (mode, readsToo) in [("WRITE", false), ("ALL", true)] {
            #expect(try pausing.command("CLIENT", "PAUSE", "100000", mode) == .ok)
            try client.send(respCommand("SET", mode, "v"))
            if readsToo {
                try reader.send(respCommand("GET", mode))
            } else {
                try eventually("the write is held") {
                    let held = try reader.command("CLIENT", "LIST", "ID", id).text ?? ""
                    return !held.contains(" qbuf=0 ")
                }
                #expect(try reader.command("GET", mode) == .null)
            }
            #expect(try pausing.command("CLIENT", "UNPAUSE") == .ok)
            #expect(try client.reply() == .ok)
            if readsToo { #expect(try [RESPValue.null, "v"].contains(reader.reply())) }
            #expect(try reader.command("GET", mode) == "v")
        }
    }

    @Test(arguments: Servers.newest) func aPauseEndsByItselfAndOnAllWorkers(_ server: Server) throws {
        let rig = try Rig(server, workers: 2)
        let clients = try (0..<8).map { _ in try rig.connect() }
        #expect(try clients[0].command("CLIENT", "PAUSE", "50") == .ok)
        for (index, client) in clients.enumerated() {
            #expect(try client.command("SET", "key\(index)", "v") == .ok)
        }
    }

    // MARK: TRACKING

    @Test(arguments: Servers.found) func aClientsOwnCacheHearsOfChangesOnEveryShard(_ server: Server) throws {
        let rig = try Rig(server)
        let (caching, writing) = (try rig.connect(), try rig.connect())
        _ = try caching.command("HELLO", "3")
        #expect(try caching.command("CLIENT", "TRACKING", "ON") == .ok)
        let keys = try rig.keysByShard(prefix: "cached").map { $0[0] }
        for key in keys {
            #expect(try caching.command("GET", key) == .null)
            #expect(try writing.command("SET", key, "new") == .ok)
            #expect(try caching.reply() == Self.invalidation(of: key))
        }
        #expect(try caching.command(["MGET"] + keys).elements.count == keys.count)
        #expect(try writing.command(["DEL"] + keys) == .integer(keys.count))
        let heard = try keys.map { _ in try caching.reply() }
        #expect(keys.allSatisfy { heard.contains(Self.invalidation(of: $0)) })
        #expect(try caching.command("CLIENT", "TRACKING", "OFF") == .ok)
        #expect(try caching.command("GET", keys[0]) == .null)
        #expect(try writing.command("SET", keys[0], "unheard") == .ok)
        #expect(try caching.command("GET", keys[0]) == "unheard")
    }

    /// Goal: CLIENT CACHING is for the next command and no other, on whichever shard. Method: what is not tracked is
    /// changed and read again on the same connection, where an invalidation would come first.
    @Test(arguments: Servers.found) func cachingIsForTheNextCommandAlone(_ server: Server) throws {
        let rig = try Rig(server)
        let keys = try rig.keysByShard(prefix: "cached").map { $0[0] }
        for (mode, word) in [("OPTOUT", "NO"), ("OPTIN", "YES")] {
            let (caching, writing) = (try rig.connect(), try rig.connect())
            _ = try caching.command("HELLO", "3")
            #expect(try caching.command("CLIENT", "TRACKING", "ON", mode) == .ok)
            #expect(try caching.command("CLIENT", "CACHING", word) == .ok)
            let (tracked, untracked) = mode == "OPTIN" ? (keys[0], keys[1]) : (keys[1], keys[0])
            for key in keys[0...1] { _ = try caching.command("GET", key) }
            #expect(try writing.command("SET", untracked, mode) == .ok)
            #expect(try caching.command("STRLEN", untracked) == .integer(mode.utf8.count))
            #expect(try writing.command("SET", tracked, mode) == .ok)
            #expect(try caching.reply() == Self.invalidation(of: tracked))
        }
    }

    private static func invalidation(of key: String) -> RESPValue { .push(["invalidate", [.text(key)]]) }

    // MARK: NO-EVICT, NO-TOUCH, QUIT, RESET

    @Test(arguments: Servers.found) func flagsAreShownAndResetAsByAServer(_ server: Server) throws {
        var shown: [[String?]] = []
        for stage in try stages(server) {
            let client = try stage.connect()
            let commands = [
                ["CLIENT", "NO-EVICT", "ON"], ["CLIENT", "NO-TOUCH", "on"], ["CLIENT", "NO-EVICT", "off"],
                ["CLIENT", "NO-EVICT", "on"], ["RESET"], ["CLIENT", "NO-TOUCH", "ON"], ["CLIENT", "NO-TOUCH", "OFF"],
            ]
            shown.append(
                try commands.map { command -> String? in
                    #expect(try !client.command(command).isError, "\(stage.name): \(command)")
                    return try fields(of: client)["flags"]
                })
        }
        #expect(shown[0] == shown[1])
    }

    @Test(arguments: Servers.found) func quitAnswersWhatCameBeforeAndClosesUnread(_ server: Server) throws {
        for stage in try stages(server) {
            let client = try stage.connect()
            try client.send(respCommand("SET", "a", "1") + respCommand("QUIT") + respCommand("SET", "a", "2"))
            #expect(try client.replies(2) == [.ok, .ok], "\(stage.name)")
            #expect(try client.waitsForClose())
            #expect(try stage.connect().command("GET", "a") == "1", "\(stage.name)")
        }
    }

    @Test(arguments: Servers.found) func resetForgetsWhateverTheClientWasInTheMiddleOf(_ server: Server) throws {
        let commands: [[String]] = [
            ["SET", "k", "v"], ["SELECT", "3"], ["CLIENT", "SETNAME", "me"], ["WATCH", "k"], ["MULTI"],
            ["SET", "k", "w"], ["RESET"], ["EXEC"], ["CLIENT", "GETNAME"], ["GET", "k"], ["SUBSCRIBE", "news"],
            ["RESET"], ["GET", "k"],
            ["PUBLISH", "news", "x"], ["WATCH", "k"], ["RESET"], ["SELECT", "3"], ["GET", "k"], ["MONITOR"], ["RESET"],
            ["GET", "k"],
        ]
        var replies: [[RESPValue]] = []
        for stage in try stages(server) {
            let client = try stage.connect()
            _ = try client.command("HELLO", "3")
            replies.append(try commands.map { try client.command($0) })
            let fields = try self.fields(of: client)
            #expect(fields["resp"] == "2" && fields["db"] == "0" && fields["flags"] == "N", "\(stage.name)")
        }
        #expect(replies[0] == replies[1])
    }

    /// What CLIENT INFO says.
    private func fields(of client: RESPConnection) throws -> [String: String] {
        let text = try client.command("CLIENT", "INFO").text ?? ""
        let pairs = text.split(whereSeparator: \.isWhitespace).map { $0.split(separator: "=", maxSplits: 1) }
        return Dictionary(uniqueKeysWithValues: pairs.map { (String($0[0]), $0.count > 1 ? String($0[1]) : "") })
    }
}
