// ConfigSource: `-c FILE`, the same for running and for routing; and what to do without it.

import ArgumentParser
import Glibc
import Settings

struct ConfigSource: ParsableArguments {
    @Option(
        name: [.customShort("c", allowingJoined: true), .customLong("conf-file"), .customLong("config")],
        help: ArgumentHelp(
            "Config file, a nutcracker.yml too. Without it: four embedded servers behind 127.0.0.1:22121.",
            valueName: "file"),
        completion: .file())
    var file: String?

    /// twemproxy's default, which Keyway does not read by itself.
    static let twemproxyFile = "conf/nutcracker.yml"

    func settings() throws(SettingsErrors) -> Settings {
        if let file { try Settings.read(file: file) } else { Settings.standard }
    }

    /// For a twemproxy user who relies on its default; nil where there is nothing to say.
    func hint(exists: (String) -> Bool = { access($0, R_OK) == 0 }) -> String? {
        guard file == nil, exists(Self.twemproxyFile) else { return nil }
        return "\(Self.twemproxyFile) is here but was not read; to use it: keyway -c \(Self.twemproxyFile)"
    }
}
