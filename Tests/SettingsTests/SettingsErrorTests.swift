import Settings
import Testing

private func finding(line: Int = 0, column: Int = 0, key: String = "") -> SettingsError {
    SettingsError(file: "k.yml", line: line, column: column, key: key, problem: "is wrong", remedy: "mend it")
}

@Test func aFindingNamesOnlyWhatIsKnown() {
    #expect("\(finding())" == "k.yml: is wrong; mend it")
    #expect("\(finding(line: 3))" == "k.yml:3: is wrong; mend it")
    #expect("\(finding(line: 3, column: 9))" == "k.yml:3:9: is wrong; mend it")
    #expect("\(finding(line: 3, key: "a.b"))" == "k.yml:3: a.b: is wrong; mend it")
}

@Test func aListOfErrorsIsOneLineEach() {
    let list = SettingsErrors([finding(line: 1), finding(line: 2)])
    #expect("\(list)" == "k.yml:1: is wrong; mend it\nk.yml:2: is wrong; mend it")
}

/// Goal: a file cannot break the line or drive the terminal, whatever its keys hold.
@Test func controlCharactersOfAFileAreShownEscaped() {
    let lines = errors("\"a\\nb\\e[31m\": 5\n")
    #expect(
        lines == [
            "k.yml:1: a\\nb\\u{1B}[31m: is a single value, not a map of keys; "
                + "a top-level key is the name of a pool; indent the keys of the pool below it"
        ])
}
