import Testing

@testable import keyway_bench

struct ConnectionShareTests {
    @Test(arguments: [(50, 1, 0), (50, 7, 10), (3, 3, 2), (100, 16, 33), (1, 1, 1)])
    func everyConnectionIsSomebodys(_ clients: Int, _ threads: Int, _ subscribers: Int) {
        var options = LoadOptions()
        options.clientCount = clients
        options.threadCount = threads
        options.pubSub = .init(channelCount: 1, subscriberCount: subscribers, payloadBytes: 16)
        let shares = (0..<threads).map { ConnectionShare(options, $0) }
        #expect(shares.flatMap { $0.firstClient..<($0.firstClient + $0.clientCount) } == Array(0..<clients))
        #expect(
            shares.flatMap { $0.firstSubscriber..<($0.firstSubscriber + $0.subscriberCount) } == Array(0..<subscribers))
        let counts = shares.map(\.clientCount)
        #expect(counts.max()! - counts.min()! <= 1 && counts.min()! >= 1)
    }
}
