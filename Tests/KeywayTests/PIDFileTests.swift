import Foundation
import TestKit
import Testing

@testable import keyway

@Test func thePIDFileReplacesAnOldOneAndGoes() throws {
    let folder = TemporaryFolder()
    let file = PIDFile(path: try folder.write("1234567890\n", to: "pid"))
    #expect(file.write(processID: 42) == nil)
    #expect(try String(contentsOfFile: file.path, encoding: .utf8) == "42\n")
    file.remove()
    #expect(!FileManager.default.fileExists(atPath: file.path))
}

@Test func anUnwritablePIDFileIsSaid() {
    #expect(
        PIDFile(path: "/nowhere/pid").write()
            == "pid file /nowhere/pid: cannot be written: No such file or directory; check -p, the path and its rights")
}
