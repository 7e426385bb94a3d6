// FuzzCheck: what must hold for any input of one kind. Whoever draws inputs asks it: FuzzTests by mutations, libFuzzer.
// Not here: where inputs come from (FuzzTests, FuzzProgram).

package protocol FuzzCheck {
    init()
    /// What is wrong with the treatment of `input`; nil when nothing is.
    func complaint(about input: [UInt8]) -> String?
}
