// CommandLineWords: the words that the program was started with, as reports show them: without the password.

enum CommandLineWords {
    private static let hidden = "***"

    static func withoutPassword(_ words: [String]) -> [String] {
        var shown: [String] = []
        var isPassword = false
        for word in words {
            if isPassword {
                shown.append(hidden)
                isPassword = false
            } else if word == "-a" || word == "--password" {
                shown.append(word)
                isPassword = true
            } else if word.hasPrefix("--password=") {
                shown.append("--password=" + hidden)
            } else if word.hasPrefix("-a") {
                shown.append("-a" + hidden)
            } else {
                shown.append(word)
            }
        }
        return shown
    }
}
