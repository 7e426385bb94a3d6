// FuzzProgram: hands the inputs that libFuzzer draws to one of the checks, the one that KEYWAY_FUZZ names.
// libFuzzer brings the main function, so that this is a target only for .ci/fuzz, which sets KEYWAY_FUZZ.
// Not here: what must hold (FuzzChecks).

import Foundation
import FuzzChecks

private nonisolated(unsafe) let check: any FuzzCheck = {
    switch ProcessInfo.processInfo.environment["KEYWAY_FUZZ"] {
    case "requests": RequestCheck()
    case "replies": ReplyCheck()
    case "configs": SettingsCheck()
    case let other: fatalError("KEYWAY_FUZZ is \(other ?? "not set"): requests, replies or configs")
    }
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    if let complaint = check.complaint(about: input) {
        fatalError("\(complaint): \(String(decoding: input, as: UTF8.self).debugDescription)")
    }
    return 0
}
