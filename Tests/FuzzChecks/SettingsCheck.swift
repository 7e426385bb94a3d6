// SettingsCheck: what a config file holds, in any form: settings, or errors of one printable line each that say where.

import Settings

package struct SettingsCheck: FuzzCheck {
    package init() {}

    package func complaint(about input: [UInt8]) -> String? {
        let text = String(decoding: input, as: UTF8.self)
        let lineCount = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).count
        do {
            let settings = try Settings.parse(text: text, fileName: "fuzzed.yml")
            if settings.pools.isEmpty { return "settings without a pool" }
            return settings.warnings.compactMap { fault(of: $0, lineCount) }.first
        } catch {
            return error.list.compactMap { fault(of: $0, lineCount) }.first
        }
    }

    /// What is wrong with an error or a warning.
    private func fault(of finding: SettingsError, _ lineCount: Int) -> String? {
        let text = finding.description
        // The end of the file counts as the line behind the last.
        let isInFile = finding.line >= 0 && finding.line <= lineCount + 1
        if !isInFile { return "line \(finding.line) of \(lineCount) in: \(text)" }
        if finding.line == 0, !finding.key.isEmpty { return "no line in: \(text)" }
        if text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) { return "not printable: \(text)" }
        return nil
    }
}
