// RESPArgument: what a test may hand over as an argument of a command, and commands as bytes.
// Not here: sockets (RESPConnection).

package protocol RESPArgument: Sendable {
    var argumentBytes: [UInt8] { get }
}

extension String: RESPArgument {
    package var argumentBytes: [UInt8] { Array(utf8) }
}

extension Int: RESPArgument {
    package var argumentBytes: [UInt8] { Array(String(self).utf8) }
}

extension [UInt8]: RESPArgument {
    package var argumentBytes: [UInt8] { self }
}

/// The bytes of one command in the multibulk form.
package func respCommand(_ arguments: [any RESPArgument]) -> [UInt8] {
    var bytes = Array("*\(arguments.count)\r\n".utf8)
    for argument in arguments {
        let body = argument.argumentBytes
        bytes += Array("$\(body.count)\r\n".utf8)
        bytes += body
        bytes += [13, 10]
    }
    return bytes
}

package func respCommand(_ arguments: any RESPArgument...) -> [UInt8] { respCommand(arguments) }

/// The bytes of a bulk string reply.
package func respBulk(_ value: [UInt8]) -> [UInt8] {
    Array("$\(value.count)\r\n".utf8) + value + [13, 10]
}
