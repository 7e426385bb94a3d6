// TopCommand: `keyway top`: what a running Keyway does, drawn anew each second until q or Ctrl-C.
// The terminal is given back as it was found, however it ends.
// Not here: the lines (Admin/OverviewText).

import Admin
import ArgumentParser
import Foundation
import Glibc
import Platform

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Watch what a running Keyway does.",
        discussion: "Asks its admin port (admin_listen) each second. q or Ctrl-C ends it.")

    @ParentCommand var parent: KeywayCommand
    @OptionGroup var target: AdminTarget

    @Option(help: ArgumentHelp("Draw so many times, then end.", valueName: "n"))
    var count: Int?

    func validate() throws { try parent.options.refuse(for: "top", withConfig: false) }

    func run() throws {
        let client = try target.client()
        let screen = Screen()
        defer { screen.close() }
        var drawn = 0
        while count.map({ drawn < $0 }) ?? true {
            let (columns, rows) = Screen.size()
            screen.draw(Self.lines(client, columns: columns, rows: rows - 1))
            drawn += 1
            if drawn == count || screen.isAskedToEnd(withinMs: 1_000) { return }
        }
    }

    /// A Keyway that is gone may come back.
    private static func lines(_ client: AdminClient, columns: Int, rows: Int) -> [String] {
        do throws(AdminClientError) {
            let overview = try client.get("/api/overview")
            guard let text = OverviewText(json: Data(overview)) else {
                return ["keyway top: the answer is no overview; is it a Keyway of another version?"]
            }
            return text.lines(columns: columns, rows: rows)
        } catch {
            return ["keyway top: \(error)"]
        }
    }

    /// The terminal: keys come one by one and unseen, and the picture stands on a screen of its own.
    private final class Screen {
        private var before = termios()
        private let isTerminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1

        init() {
            guard isTerminal else { return }
            tcgetattr(STDIN_FILENO, &before)
            var raw = before
            // Ctrl-C comes as a key, so that the terminal is always given back.
            raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
            tcsetattr(STDIN_FILENO, TCSANOW, &raw)
            Self.write("\u{1B}[?1049h\u{1B}[?25l")
        }

        func close() {
            guard isTerminal else { return }
            Self.write("\u{1B}[?25h\u{1B}[?1049l")
            tcsetattr(STDIN_FILENO, TCSANOW, &before)
        }

        func draw(_ lines: [String]) {
            guard isTerminal else { return Self.write(lines.joined(separator: "\n") + "\n") }
            // Each line's rest is cleared, so that nothing flickers.
            Self.write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K\r\n" }.joined() + "\u{1B}[J")
        }

        /// Waits; true at once when q or Ctrl-C is typed.
        func isAskedToEnd(withinMs: Int) -> Bool {
            guard isTerminal else {
                Clock.nap(microseconds: withinMs * 1_000)
                return false
            }
            let deadlineNs = Clock.nowNs() + UInt64(withinMs) * 1_000_000
            while Clock.nowNs() < deadlineNs {
                var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
                let leftMs = Int32((deadlineNs - min(deadlineNs, Clock.nowNs())) / 1_000_000) + 1
                guard poll(&input, 1, leftMs) > 0 else { continue }
                var key: UInt8 = 0
                let read = read(STDIN_FILENO, &key, 1)
                if read <= 0 || key == UInt8(ascii: "q") || key == 3 { return true }
            }
            return false
        }

        static func size() -> (columns: Int, rows: Int) {
            var size = winsize()
            guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 1 else {
                return (160, 100)
            }
            return (Int(size.ws_col), Int(size.ws_row))
        }

        private static func write(_ text: String) { Terminal.write(Array(text.utf8), to: STDOUT_FILENO) }
    }
}
