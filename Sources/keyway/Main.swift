// Main: where the process begins.
// Not here: anything a test would want to call.

import ArgumentParser

@main
enum Main {
    static func main() { KeywayCommand.main() }
}
