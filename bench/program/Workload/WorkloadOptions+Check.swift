// WorkloadOptions+Check: which numbers the options allow, and which options do not go together.
// Not here: what is wrong in a mix, command or trace (Mix, Template, TraceReader).

extension WorkloadOptions {
    func check() throws(WorkloadError) {
        try check("--key-digits", keyDigits, Self.keyDigitsRange)
        let keyCountMax = Self.keyCountMax(keyDigits)
        guard keyCount >= 1, keyCount <= keyCountMax else {
            throw WorkloadError(
                "--keys: \(keyCount) is outside of 1 to \(WrittenNumber.grouped(keyCountMax)), as many as \(keyDigits) "
                    + "digits can number; use fewer keys or more --key-digits")
        }
        try check("--keys-per-command", keysPerCommand, Self.keysPerCommandRange)
        try check("--elements", elementsPerKey, Self.elementsRange)
        try check("length of --key-prefix in bytes", keyPrefix.utf8.count, 0...1024)
        guard commandRatios.count <= commands.count else {
            throw WorkloadError(
                "--command-ratio is given \(commandRatios.count) times and --command \(commands.count) times; the n-th "
                    + "ratio is for the n-th command")
        }
        for ratio in commandRatios where !(ratio > 0 && ratio <= 1e9) {
            throw WorkloadError("--command-ratio: \(ratio) is not above 0 and up to 1,000,000,000")
        }
        if isTraceLooped, tracePath == nil { throw WorkloadError("--trace-loop needs --trace FILE") }
        if tracePath != nil, mix != nil || !commands.isEmpty {
            throw WorkloadError("--trace does not go with --mix and --command: a trace is all that is sent")
        }
        if isVerified { try checkVerified() }
    }

    private func check(_ name: String, _ number: Int, _ range: ClosedRange<Int>) throws(WorkloadError) {
        guard range.contains(number) else {
            throw WorkloadError(
                "\(name): \(number) is outside of \(range.lowerBound) to \(WrittenNumber.grouped(range.upperBound))")
        }
    }

    private static func keyCountMax(_ digits: Int) -> Int {
        // Ranks are drawn as a Double.
        (0..<digits).reduce(1) { count, _ in count < 1 << 48 ? count * 10 : count }.clamped(to: 1...(1 << 50))
    }

    private func checkVerified() throws(WorkloadError) {
        if tracePath != nil {
            throw WorkloadError("--verify: a trace cannot be verified, its values do not say what they are; use --mix")
        }
        if !commands.isEmpty {
            throw WorkloadError(
                "--verify: --command cannot be verified; use --mix with get, set, mget, mset and the like")
        }
        let keyCountMax = Ledger.keyCountMax
        guard keyCount >= threadCount, keyCount <= keyCountMax else {
            throw WorkloadError(
                "--verify: \(keyCount) keys are outside of \(threadCount) (one for each thread to write) to "
                    + "\(WrittenNumber.grouped(keyCountMax)); change --keys")
        }
        guard threadCount <= VerifiedValue.threadCountMax else {
            throw WorkloadError(
                "--verify: \(threadCount) threads are above the limit of \(VerifiedValue.threadCountMax)")
        }
        let form = VerifiedValue(prefixBytes: keyPrefix.utf8.count, keyDigits: keyDigits)
        guard valueSize.smallestBytes >= form.sizeBytesMin else {
            throw WorkloadError(
                "--verify: a value size of \(valueSize.smallestBytes) bytes is below the minimum of "
                    + "\(form.sizeBytesMin): a value carries its key, run, thread, sequence and length "
                    + "(\(form.headerBytes) bytes) and \(VerifiedValue.fillerBytesMin) more; use --value-size "
                    + "\(form.sizeBytesMin) or above, or a shorter --key-prefix")
        }
    }
}

extension Int {
    fileprivate func clamped(to range: ClosedRange<Int>) -> Int {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
