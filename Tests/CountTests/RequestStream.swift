// RequestStream: what a played server sees of the requests that come in, in pieces of any size.
// It keeps the command's name and the number of arguments, and skips the rest unread.
// Not here: what is answered (PlayedServer).

import Glibc

struct PlayedRequest {
    let command: String
    /// Without the command's name.
    let argumentCount: Int
}

struct RequestStream {
    private var line: [UInt8] = []
    private var elementsLeft = 0
    private var argumentCount = 0
    /// Bytes of the element under way that are still to come, its CR LF counted.
    private var bodyLeft = 0
    private var command: [UInt8] = []
    private var isInCommand = false

    /// Gives each request to `took` once its last byte is here.
    mutating func read(_ bytes: UnsafeRawBufferPointer, _ took: (PlayedRequest) -> Void) {
        var index = 0
        while index < bytes.count {
            if bodyLeft > 0 {
                let count = min(bodyLeft, bytes.count - index)
                if isInCommand { command += bytes[index..<index + count] }
                bodyLeft -= count
                index += count
                if bodyLeft == 0 { endElement(took) }
            } else {
                if bytes[index] == 10 { endLine() } else { line.append(bytes[index]) }
                index += 1
            }
        }
    }

    private mutating func endLine() {
        let number = Int(String(decoding: line.dropFirst().dropLast(), as: UTF8.self)) ?? -1
        precondition(number >= 0, "keyway sent a line that is no length: \(String(decoding: line, as: UTF8.self))")
        if line[0] == UInt8(ascii: "*") {
            elementsLeft = number
            argumentCount = number - 1
            isInCommand = true
            command = []
        } else {
            bodyLeft = number + 2
        }
        line.removeAll(keepingCapacity: true)
    }

    private mutating func endElement(_ took: (PlayedRequest) -> Void) {
        isInCommand = false
        elementsLeft -= 1
        if elementsLeft == 0 {
            let name = String(decoding: command.dropLast(2), as: UTF8.self).uppercased()
            took(PlayedRequest(command: name, argumentCount: argumentCount))
        }
    }
}
