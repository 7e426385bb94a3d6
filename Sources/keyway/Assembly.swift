// Assembly: the settings as the options of each room; the one place where rooms meet.
// Embedded servers have their names and places on the ring before they run, and their addresses only then, so a pool
// is laid out first (PoolLayout) and gets its shards when they are known.
// Not here: starting and stopping (Service), what a key of the file means (Settings).

import Hashing
import Platform
import Routing
import Session
import Settings
import Telemetry
import Upstream
import Wire

/// Settings that are right one by one but cannot be built.
struct AssemblyError: Error, CustomStringConvertible, Equatable {
    let description: String
}

struct Assembly: Sendable {
    let proxy: ProxyOptions
    /// In file order.
    let pools: [PoolLayout]
    private let hasAdminPort: Bool

    /// - Parameter coreCount: how many workers `workers: 0` means.
    /// - Throws: the first pool that cannot be built, and why.
    init(_ settings: Settings, coreCount: Int = WorkerThread.coreCount) throws(AssemblyError) {
        proxy = Self.proxyOptions(settings.process, coreCount: coreCount)
        hasAdminPort = settings.process.adminListen != nil
        var pools: [PoolLayout] = []
        for pool in settings.pools { pools.append(try PoolLayout(pool)) }
        self.pools = pools
    }

    var telemetry: TelemetryLayout {
        TelemetryLayout(
            workerCount: proxy.workerCount,
            pools: pools.map { TelemetryLayout.Pool(name: $0.settings.name, servers: $0.servers.map(\.ring.name)) },
            commands: CommandTable().wireNames)
    }

    /// Descriptors of a full house.
    var descriptorCount: Int { proxy.clientsMax + descriptorCountWithoutClients }

    /// For every shared server connection, listeners, and a few of our own. Connections for large values come and go
    /// and are not counted.
    var descriptorCountWithoutClients: Int {
        let lines = pools.reduce(0) { $0 + $1.servers.count * $1.settings.serverConnectionCount }
        let own = Self.ownDescriptorCount + (hasAdminPort ? Self.adminDescriptorCount : 0)
        return proxy.workerCount * (lines + pools.count + Self.ownDescriptorCountPerWorker) + own
    }

    /// epoll and eventfd, with room.
    private static let ownDescriptorCountPerWorker = 4
    /// Standard streams, log, statistics port, with room.
    private static let ownDescriptorCount = 16
    /// The admin port and its connections, with room.
    private static let adminDescriptorCount = 72

    private static func proxyOptions(_ process: ProcessSettings, coreCount: Int) -> ProxyOptions {
        var options = ProxyOptions()
        options.workerCount = process.workers == 0 ? coreCount : process.workers
        options.pacing =
            switch process.pacing {
            case .automatic: .auto
            case .off: .off
            case .microseconds(let count): .fixed(microseconds: count)
            }
        options.limits.bulkSizeBytesMax = process.protoMaxBulkLenBytes
        options.limits.requestSizeBytesMax = process.clientQueryBufferLimitBytes
        options.clientsMax = process.clientCountMax
        options.outputPauseBytes = process.clientOutputBufferPauseBytes
        options.outputSizeBytesMax = process.clientOutputBufferLimitBytes
        options.outputSoftBytesMax = process.clientOutputBufferSoftLimitBytes
        options.outputSoftLimitS = process.clientOutputBufferSoftSeconds
        options.memoryBytesMax = process.memoryLimitBytes
        options.acceptRateMax = process.acceptRateMax
        options.inFlightMax = process.clientInFlightCountMax
        options.clientIdleTimeoutS = process.clientIdleTimeoutSeconds
        options.drainTimeoutMs = process.drainTimeoutMs
        options.version = keywayVersion
        options.slowLog.slowMs = process.slowLogSlowerThanMs
        options.slowLog.countMax = process.slowLogCountMax
        options.slowLog.showsKeys = process.slowLogShowsKeys
        return options
    }
}
