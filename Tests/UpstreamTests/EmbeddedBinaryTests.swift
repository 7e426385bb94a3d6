import Foundation
import Testing

@testable import Upstream

/// A directory that goes with the test, with empty programs in it.
private final class Programs {
    let path = NSTemporaryDirectory() + "/keyway-programs-\(UInt64.random(in: 0 ... .max))"

    init(_ names: [String]) throws {
        for name in names {
            let file = URL(fileURLWithPath: "\(path)/\(name)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try #require(
                FileManager.default.createFile(
                    atPath: file.path, contents: Data(), attributes: [.posixPermissions: 0o700]))
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func find(named binary: String? = nil, _ environment: [String: String]) throws -> String {
        try EmbeddedBinary.find(
            named: binary, environment: environment.mapValues { $0.replacingOccurrences(of: "@", with: path) },
            currentDirectory: path
        ).replacingOccurrences(of: path, with: "@")
    }
}

@Suite struct EmbeddedBinaryTests {
    @Test func valkeyAnywhereInPathBeatsRedisEarlierInIt() throws {
        let programs = try Programs(["a/redis-server", "b/valkey-server", ".tools/valkey-server"])
        #expect(try programs.find(["PATH": "@/a:@/b"]) == "@/b/valkey-server")
        #expect(try programs.find(["PATH": "@/a"]) == "@/a/redis-server")
    }

    @Test func thePlacesOfTheSetUpComeAfterPathInTheirOrder() throws {
        let all = try Programs(["tools/valkey-server", ".tools/valkey-server", "home/.cache/keyway/valkey-server"])
        #expect(try all.find(["KEYWAY_TOOLS": "@/tools", "HOME": "@/home"]) == "@/tools/valkey-server")
        #expect(try all.find(["KEYWAY_TOOLS": "tools"]) == "@/tools/valkey-server")
        #expect(try all.find(["HOME": "@/home"]) == "@/.tools/valkey-server")
        let home = try Programs(["home/.cache/keyway/valkey-server"])
        #expect(try home.find(["HOME": "@/home"]) == "@/home/.cache/keyway/valkey-server")
    }

    @Test func aNamedProgramIsTakenOrRefusedWithoutASearch() throws {
        let programs = try Programs(["a/valkey-server", "mine"])
        #expect(try programs.find(named: "mine", ["PATH": "@/a"]) == "@/mine")
        let error = #expect(throws: EmbeddedError.self) { try programs.find(named: "/no/such", ["PATH": "@/a"]) }
        #expect(error?.description.contains("/no/such") == true)
    }

    @Test func aDirectoryOrAPlainFileOfThatNameIsNoProgram() throws {
        let programs = try Programs(["a/valkey-server/inside", "b/valkey-server"])
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600], ofItemAtPath: programs.path + "/b/valkey-server")
        #expect(throws: EmbeddedError.self) { try programs.find(["PATH": "@/a:@/b"]) }
    }

    @Test func whereNothingIsFoundTheErrorNamesThePlacesAndTheCure() throws {
        let programs = try Programs([])
        let error = #expect(throws: EmbeddedError.self) {
            try programs.find(["PATH": "", "HOME": "/home/x", "KEYWAY_TOOLS": "/t"])
        }
        let text = try #require(error?.description)
        for part in ["PATH", "/t/valkey-server", "/.tools/valkey-server", "/home/x/.cache/keyway", "make setup"] {
            #expect(text.contains(part), "\(part) is missing in: \(text)")
        }
    }
}
