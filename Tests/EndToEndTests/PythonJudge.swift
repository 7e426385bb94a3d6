// PythonJudge: starts one of the judges of Tests/ (differential, endurance, coherence) on the program under test.
// Not here: what they judge (their own folders), with which bounds (the suites that start them).

import TestKit

enum PythonJudge {
    /// - Parameter arguments: of python3, behind `-m`.
    static func run(
        _ arguments: [String], withinSeconds: Double
    ) throws -> (status: TestKit.ExitStatus, output: String, errors: String) {
        try ChildProcess.run(
            "python3", ["-m"] + arguments,
            environment: [
                "PYTHONPATH": Servers.packageRoot + "/Tests", "PYTHONDONTWRITEBYTECODE": "1",
                "KEYWAY_BINARY": KeywayProcess.binary,
            ], withinSeconds: withinSeconds)
    }
}
