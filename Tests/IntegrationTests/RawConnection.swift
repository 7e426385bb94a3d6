// RawConnection: replies of a real server as the bytes that came, to be compared byte by byte.
// Not here: replies as values (RESPConnection, ReplyValue).

import TestKit
import Wire

final class RawConnection {
    private let connection: RESPConnection
    let version: RESPVersion

    init(_ server: ServerProcess, _ version: RESPVersion) throws {
        connection = try server.connect()
        self.version = version
        _ = try connection.command("HELLO", Int(version.rawValue))
    }

    /// Sends all in one piece.
    func replies(_ commands: [[[UInt8]]]) throws -> [[UInt8]] {
        guard !commands.isEmpty else { return [] }
        var replies: [[UInt8]] = []
        var unread: [UInt8] = []
        try connection.exchange(commands.flatMap { respCommand($0) }) { piece in
            unread += piece
            while !unread.isEmpty, let sizeBytes = Self.replySizeBytes(unread) {
                replies.append(Array(unread[..<sizeBytes]))
                unread.removeFirst(sizeBytes)
            }
            return replies.count == commands.count
        }
        return replies
    }

    func reply(_ command: [[UInt8]]) throws -> [UInt8] { try replies([command])[0] }

    /// Words separated by blanks.
    func reply(_ line: String) throws -> [UInt8] { try reply(line.split(separator: " ").map { Array($0.utf8) }) }

    private static func replySizeBytes(_ bytes: [UInt8]) -> Int? {
        var scanner = ReplyScanner()
        return bytes.withUnsafeBufferPointer { bytes in
            guard case .complete(let used) = scanner.advance(bytes.baseAddress!, count: bytes.count) else {
                return nil
            }
            return used
        }
    }
}
