// AdminTarget: which running Keyway `stats` and `top` ask: --admin, or the admin_listen of -c.

import Admin
import ArgumentParser
import Settings

struct AdminTarget: ParsableArguments {
    @Option(help: ArgumentHelp("Where its admin port is. Default: the admin_listen of -c.", valueName: "host:port"))
    var admin: String?

    @OptionGroup var source: ConfigSource

    /// - Throws: what people read when neither says it.
    func client() throws -> AdminClient {
        if let admin {
            // Read by the rules of the config file.
            let text = "keyway:\n  admin_listen: \(admin)\nmain:\n  listen: 127.0.0.1:1\n  servers: {embedded: 1}\n"
            guard
                case .tcp(let host, let port)? = try? Settings.parse(text: text, fileName: "--admin").process
                    .adminListen
            else { throw ValidationError("--admin \(admin) is not host:port, [IPv6]:port or a port of 127.0.0.1") }
            return AdminClient(host: host, port: port)
        }
        guard source.file != nil else {
            throw ValidationError("which Keyway? Give --admin HOST:PORT, or -c FILE with admin_listen")
        }
        guard case .tcp(let host, let port)? = try source.settings().process.adminListen else {
            throw ValidationError("the file of -c has no keyway.admin_listen; give --admin HOST:PORT")
        }
        return AdminClient(host: host, port: port)
    }
}
