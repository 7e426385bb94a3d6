import Logging
import Settings
import Testing

@testable import keyway

@Test(arguments: [
    (0, Logger.Level.critical), (1, .critical), (2, .critical), (3, .error), (4, .warning), (5, .notice), (6, .info),
    (7, .debug), (8, .trace), (11, .trace), (99, .trace),
])
func twemproxysNumbersHaveLevels(_ number: Int, _ level: Logger.Level) {
    #expect(Verbosity.level(number) == level)
}

@Test func theConfigsWordsAreSwiftLogsLevels() {
    for word in ProcessSettings.LogLevel.allCases { #expect(Verbosity.level(word).rawValue == word.rawValue) }
}

@Test func stepsStopAtTheEnds() {
    #expect(Verbosity.louder(than: .notice) == .info && Verbosity.quieter(than: .notice) == .warning)
    #expect(Verbosity.louder(than: .trace) == .trace && Verbosity.quieter(than: .critical) == .critical)
}
