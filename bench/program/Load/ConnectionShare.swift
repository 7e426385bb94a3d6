// ConnectionShare: which of all connections are one thread's, and what each says first.
// Not here: the connections (Connection).

/// Clients and subscribers are spread evenly; each thread has a run of each.
struct ConnectionShare: Equatable {
    let firstClient: Int
    let clientCount: Int
    let firstSubscriber: Int
    let subscriberCount: Int

    init(_ options: LoadOptions, _ threadIndex: Int) {
        func first(of count: Int, _ index: Int) -> Int { count * index / options.threadCount }
        let subscribers = options.pubSub?.subscriberCount ?? 0
        firstClient = first(of: options.clientCount, threadIndex)
        clientCount = first(of: options.clientCount, threadIndex + 1) - firstClient
        firstSubscriber = first(of: subscribers, threadIndex)
        subscriberCount = first(of: subscribers, threadIndex + 1) - firstSubscriber
    }
}

/// Greetings ready to be sent: that of a client, and those of the subscribers by channel.
struct Greetings {
    struct Text {
        let steps: [Greeting.Step]
        let bytes: [UInt8]

        init(_ steps: [Greeting.Step]) {
            self.steps = steps
            bytes = Greeting.bytes(of: steps)
        }
    }
    let client: Text
    let subscribers: [Text]

    init(_ options: LoadOptions) {
        client = Text(options.greeting.steps())
        subscribers = (0..<(options.pubSub?.channelCount ?? 0)).map {
            Text(options.greeting.steps(channel: PublishSource.channel($0)))
        }
    }
}
