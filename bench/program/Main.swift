// Main: where the process begins.
// Not here: anything a test would want to call.

import Foundation

@main
enum Main {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        exit(BenchCommand.main(words: words, environment: ProcessInfo.processInfo.environment))
    }
}
