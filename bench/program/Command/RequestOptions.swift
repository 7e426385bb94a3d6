// RequestOptions: the options that say what is sent: commands, keys, values, a trace, or pub/sub.

import ArgumentParser

struct RequestOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Commands and their weights. Groups: string hash list sets zset stream transaction ycsb-a ycsb-b ycsb-c \
            ycsb-f. (default: get=9,set=1)
            """, valueName: "name=n,..."))
    var mix: String?

    @Option(
        name: .customLong("command"),
        help: ArgumentHelp(
            """
            A command of your own, as often as wanted: 'HSET {key} f{random:1-9} {value}'. Placeholders: {key} \
            {samekey} {value} {random:1-100} {seq} {thread} {connection} {time} {ttl}; `;` parts the commands of one \
            operation.
            """, valueName: "text"))
    var commands: [String] = []

    @Option(
        name: .customLong("command-ratio"),
        help: ArgumentHelp("Weight of the n-th --command, on the scale of --mix. (default: 1)", valueName: "n"))
    var commandRatios: [Double] = []

    @Option(
        name: [.customShort("d"), .customLong("value-size")],
        help: ArgumentHelp(
            "Bytes of a value: 64, 16-4kb, 64:9,1kb:1 (by weight), zipf:16-4kb.", valueName: "bytes"))
    var valueSize = "64"

    @Option(name: [.customShort("r"), .long], help: ArgumentHelp("How many different keys there are.", valueName: "n"))
    var keys = 100_000

    @Option(
        name: [.customLong("key-distribution"), .customLong("distribution")],
        help: ArgumentHelp(
            "uniform, sequential, zipfian:0.99, hot:10%:90%. (default: uniform; zipfian with ycsb)", valueName: "kind"))
    var distribution: String?

    @Flag(name: .customLong("no-spread"), help: "Hot keys lie side by side from index 0 on.")
    var isUnspread = false

    @Option(name: .customLong("keys-per-command"), help: ArgumentHelp("Keys of one MGET or MSET.", valueName: "n"))
    var keysPerCommand = 10

    @Option(
        name: .customLong("key-prefix"), help: ArgumentHelp("What stands before a key's number.", valueName: "text"))
    var keyPrefix = "key:"

    @Option(name: .customLong("key-digits"), help: ArgumentHelp("Width of a key's number.", valueName: "n"))
    var keyDigits = 12

    @Option(
        name: .customLong("ttl-s"),
        help: ArgumentHelp("SET, SETEX and EXPIRE give keys this long to live: 60, 30-90.", valueName: "seconds"))
    var ttlS: String?

    @Option(help: ArgumentHelp("Fields of a hash, entries of a list, members of a set.", valueName: "n"))
    var elements = 10

    @Flag(name: .customLong("fill"), help: "Write every key once before the first round of a target.")
    var fills = false

    @Flag(
        name: .customLong("verify"),
        help: "Values say what they are, and every reply is checked: a wrong, old or lost value fails the run.")
    var isVerified = false

    @Option(help: ArgumentHelp("The same seed sends the same bytes.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(
        name: [.customLong("replay"), .customLong("trace")],
        help: ArgumentHelp(
            "Send the commands of this file: RESP (an append-only file), MONITOR's output, or one command a line.",
            valueName: "file"),
        completion: .file())
    var trace: String?

    @Flag(name: [.customLong("replay-loop"), .customLong("trace-loop")], help: "Begin the file anew at its end.")
    var isTraceLooped = false

    @Option(
        name: .customLong("replay-speed"),
        help: ArgumentHelp(
            "Times of MONITOR's output: 2 is twice as fast; max leaves them out. (default: 1)", valueName: "factor"))
    var replaySpeed: String?

    @Flag(name: .customLong("pubsub"), help: "Clients publish, subscribers receive: latency of the delivery.")
    var isPubSub = false

    @Option(help: ArgumentHelp("With --pubsub: channels. (default: 1)", valueName: "n"))
    var channels: Int?

    @Option(help: ArgumentHelp("With --pubsub: subscribers, spread over the channels. (default: 10)", valueName: "n"))
    var subscribers: Int?

    // MARK: Checked

    /// Nil: without --pubsub.
    func pubSub() throws(UsageError) -> LoadOptions.PubSub? {
        guard isPubSub else {
            if channels != nil { throw UsageError("--channels needs --pubsub") }
            if subscribers != nil { throw UsageError("--subscribers needs --pubsub") }
            return nil
        }
        let strays: [(String, Bool)] = [
            ("--mix", mix != nil), ("--command", !commands.isEmpty), ("--replay", trace != nil), ("--fill", fills),
            ("--verify", isVerified),
        ]
        if let stray = strays.first(where: { $0.1 }) {
            throw UsageError("\(stray.0) does not go with --pubsub, which only publishes")
        }
        var pubSub = LoadOptions.PubSub()
        pubSub.channelCount = channels ?? 1
        pubSub.subscriberCount = subscribers ?? 10
        guard (1...100_000).contains(pubSub.channelCount) else {
            throw UsageError("--channels \(pubSub.channelCount) is outside of 1 to 100000")
        }
        guard (0...1_000_000).contains(pubSub.subscriberCount) else {
            throw UsageError("--subscribers \(pubSub.subscriberCount) is outside of 0 to 1000000")
        }
        let least = PublishSource.payloadBytesMin
        guard let bytes = Int(valueSize), (least...536_870_912).contains(bytes) else {
            throw UsageError(
                "-d \(valueSize): with --pubsub use a plain number of bytes, \(least) or more: the message carries the "
                    + "time")
        }
        pubSub.payloadBytes = bytes
        return pubSub
    }

    func workload(threadCount: Int, keyPrefix: String) throws -> WorkloadOptions {
        var options = WorkloadOptions()
        options.mix = mix
        options.commands = commands
        options.commandRatios = commandRatios
        options.keyCount = keys
        options.keyPrefix = keyPrefix
        options.keyDigits = keyDigits
        options.distribution = try distribution.map { try KeyDistribution.parse($0) }
        options.isSpread = !isUnspread
        options.valueSize = try ValueSize.parse(valueSize)
        options.keysPerCommand = keysPerCommand
        options.ttlS = try ttlS.map { try WorkloadOptions.parseTTL($0) }
        options.elementsPerKey = elements
        options.tracePath = trace
        options.isTraceLooped = isTraceLooped
        options.isVerified = isVerified
        options.seed = seed
        options.threadCount = threadCount
        return options
    }

    /// How fast a trace with times is replayed; nil: as fast as it is answered.
    func replaySpeedFactor(hasTimes: Bool, hasRate: Bool) throws(UsageError) -> Double? {
        if replaySpeed != nil, trace == nil { throw UsageError("--replay-speed needs --replay FILE") }
        if replaySpeed != nil, hasRate { throw UsageError("--replay-speed does not go with --rate; use one") }
        if hasRate || replaySpeed == "max" || trace == nil { return nil }
        guard hasTimes else {
            if replaySpeed == nil { return nil }
            throw UsageError("--replay-speed: the file has no times, only MONITOR's output has; use --rate")
        }
        guard let factor = Double(replaySpeed ?? "1"), factor > 0, factor <= 1e6 else {
            throw UsageError("--replay-speed \(replaySpeed ?? ""): use a number above 0, up to 1000000, or max")
        }
        return factor
    }
}
