// Configs: what the tests of the program share: configs as text, and the assembly made from one.

import Settings
import TestKit

@testable import keyway

/// The pool of the ketama vectors: 120, 120 and 240 points.
let vectorConfig = """
    alpha:
      listen: 127.0.0.1:22121
      servers:
        - 127.0.0.1:6380:1
        - 127.0.0.1:6381:1
        - 127.0.0.1:6382:2

    """

func assembly(_ text: String, coreCount: Int = 2) throws -> Assembly {
    try Assembly(try Settings.parse(text: text, fileName: "k.yml"), coreCount: coreCount)
}

/// The first pool of `text`, whose lines stand under the pool's name.
func layout(_ lines: String...) throws -> PoolLayout {
    let text = "p:\n  listen: h:1\n" + lines.map { "  " + $0 + "\n" }.joined()
    return try assembly(text).pools[0]
}
