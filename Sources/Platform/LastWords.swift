// LastWords: a process that ends by a bug says so, in one line, whatever its log is.
// Not here: errors that have an answer; those end no process.

import CLinux

package enum LastWords {
    /// Installs the handler of fatal signals; the line goes to standard error until `goTo` says otherwise.
    package static func prepare() { clinux_install_last_words() }

    /// - Parameter descriptor: of the log file, which stays open.
    package static func goTo(_ descriptor: Int32) { clinux_last_words_go_to(descriptor) }
}
