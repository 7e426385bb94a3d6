// Finding: what the tests of this room share: a text in, the exact lines that an operator would read out.

import Settings

/// Every error of `text` as one line each, or nothing.
func errors(_ text: String) -> [String] {
    do {
        _ = try Settings.parse(text: text, fileName: "k.yml")
        return []
    } catch {
        return error.list.map(\.description)
    }
}

/// Lines of a pool named `alpha` that is right but for `lines`, which begin on line 4.
func pool(_ lines: String...) -> String {
    (["alpha:", "  listen: 127.0.0.1:22121", "  servers: {embedded: 2}"] + lines.map { "  " + $0 })
        .joined(separator: "\n") + "\n"
}

/// A right pool and `lines` of the process, which begin on line 5.
func process(_ lines: String...) -> String {
    pool("keyway:").replacing("  keyway:", with: "keyway:") + lines.map { "  " + $0 + "\n" }.joined()
}
