// TemporaryDirectory: a directory of this process alone, mode 0700 under a name nobody could guess.
// Not here: who fills it and when it goes.

import Glibc

package enum TemporaryDirectory {
    /// - Returns: the path of a new, empty directory in `parent`, whose name starts with `prefix`.
    package static func create(in parent: String, prefix: String) throws(SystemError) -> String {
        var path = Array("\(parent)/\(prefix)XXXXXX".utf8CString)
        guard mkdtemp(&path) != nil else { throw SystemError("make a directory in \(parent)") }
        return String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
