// RequestBuilder: requests that Keyway makes itself, in the one form that servers and RequestParser read.
// For cold paths: it allocates. Not here: requests of clients, which pass through as they came.

public enum RequestBuilder {
    public static func bytes(_ words: [[UInt8]]) -> [UInt8] {
        var bytes = Array("*\(words.count)\r\n".utf8)
        for word in words {
            bytes += Array("$\(word.count)\r\n".utf8)
            bytes += word
            bytes += [13, 10]
        }
        return bytes
    }

    public static func bytes(_ words: [String]) -> [UInt8] { bytes(words.map { Array($0.utf8) }) }
}
