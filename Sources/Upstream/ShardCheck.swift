// ShardCheck: the questions by which Keyway finds out whether a server can serve, and the verdict on its answers.
//
//     PING   does it answer, with data in memory, a primary behind it, and no script that holds it up?
//     ROLE   is it what the pool expects, and is a replica's link to its primary up?
//
// A server that does not know or allow ROLE passes: the question is more than most need.
// Not here: when a check is sent and what follows (Session/Engine+Health).

import Routing
package import Wire

/// What a pool expects of its servers.
package enum ExpectedRole: String, Sendable, CaseIterable {
    case any, primary, replica
}

public struct ShardCheck: BitwiseCopyable {
    package static let commands = ["PING", "ROLE"]

    /// One of the answers so far was bad.
    package var hasFailed = false
    /// A server that said so itself is not asked twice.
    package var isCertain = false

    package init() {}

    /// - Parameter index: of the request.
    /// - Returns: what is wrong; nil for nothing.
    package func judge(_ reply: ByteView, index: Int, expected: ExpectedRole) -> String? {
        index == 0 ? judgePing(reply) : judgeRole(reply, expected)
    }

    private func judgePing(_ reply: ByteView) -> String? {
        guard ReplyMerge.isError(reply) else { return nil }
        return "it answered PING with '\(ReplyMerge.errorText(reply))'"
    }

    private func judgeRole(_ reply: ByteView, _ expected: ExpectedRole) -> String? {
        guard !ReplyMerge.isError(reply), let parts = ReplyValue(parsing: reply.buffer)?.elements,
            let role = parts.first?.text
        else { return nil }
        let isPrimary = role == "master"
        if expected == .primary, !isPrimary { return "it is a replica, and expect_role is primary" }
        if expected == .replica, isPrimary { return "it is a primary, and expect_role is replica" }
        if !isPrimary, parts.count > 3, let link = parts[3].text, link != "connected" {
            return "it is a replica whose link to its primary is '\(link)'"
        }
        return nil
    }
}
