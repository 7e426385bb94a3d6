// Corpus: the inputs in the tree that mutation starts from, one folder for each kind of reader.
// A new file needs no code: whatever once found a bug is added with a name that says what it is.

import Foundation

struct Corpus {
    let inputs: [[UInt8]]

    /// - Parameter kind: the folder's name.
    init(_ kind: String) throws {
        let folder = Bundle.module.bundleURL.appendingPathComponent("corpus/\(kind)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        inputs = try names.map { [UInt8](try Data(contentsOf: folder.appendingPathComponent($0))) }
        precondition(!inputs.isEmpty)
    }
}
