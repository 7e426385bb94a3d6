import TestKit
import Testing

@testable import keyway

private func report(_ text: String) throws -> CheckCommand.Report {
    let folder = TemporaryFolder()
    var report = CheckCommand.report(on: try folder.write(text, to: "k.yml"))
    report.output = report.output.map { $0.replacing(folder.path + "/", with: "") }
    report.errors = report.errors.map { $0.replacing(folder.path + "/", with: "") }
    return report
}

@Test func aGoodFileIsCounted() throws {
    #expect(try report(vectorConfig) == .init(output: ["k.yml: ok, 1 pool, 3 servers"]))
    let two = vectorConfig + "beta:\n  listen: 127.0.0.1:2\n  servers:\n    embedded: 1\n"
    #expect(try report(two) == .init(output: ["k.yml: ok, 2 pools, 4 servers"]))
}

@Test func warningsComeBeforeTheVerdict() throws {
    let output = try report(vectorConfig + "  auto_eject_hosts: true\n").output
    #expect(output.count == 2)
    #expect(output[0].hasPrefix("warning: k.yml:7: alpha.auto_eject_hosts: "), "\(output)")
    #expect(output.last == "k.yml: ok, 1 pool, 3 servers, 1 warning")
}

@Test func everyErrorIsALine() throws {
    let report = try report(vectorConfig + "  hsah: md5\n  timeout: x\n")
    #expect(report.output.isEmpty)
    #expect(report.errors.count == 2)
    #expect(
        report.errors[0].hasPrefix("k.yml:7: alpha.hsah: ") && report.errors[1].hasPrefix("k.yml:8: alpha.timeout: "))
}

@Test func whatCannotBeBuiltIsAnError() throws {
    let text = "p:\n  listen: h:1\n  servers:\n    - a:1:2147483647\n    - b:1:1\n"
    #expect(
        try report(text).errors == [
            "k.yml: pool p: the weights of its servers add up to 2147483648, above the maximum 2147483647; "
                + "divide them all by the same number"
        ])
}

@Test func aMissingFileIsAnError() {
    let report = CheckCommand.report(on: "/nowhere/k.yml")
    #expect(report.output.isEmpty && report.errors.count == 1)
    #expect(report.errors[0].hasPrefix("/nowhere/k.yml: cannot be read: "))
}
