// LastWords: should the engine trap, the test process ends; this says before that which run it was in.

import Glibc

enum LastWords {
    nonisolated(unsafe) private static let text = UnsafeMutablePointer<CChar>.allocate(capacity: 256)
    nonisolated(unsafe) private static var isInstalled = false

    /// From now on these are the last words.
    static func set(_ words: String) {
        strncpy(text, words, 255)
        guard !isInstalled else { return }
        isInstalled = true
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT] {
            signal(number) { number in
                write(2, LastWords.text, strlen(LastWords.text))
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }
}
