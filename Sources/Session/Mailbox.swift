// Mailbox: how other threads reach a worker. Whoever posts wakes the worker's poller; the worker takes all at once.
// For rare things only: a lock and an allocation per message are fine here.
// Not here: what the worker does with a message (Worker).

import Hashing
import Platform
import Synchronization
import Upstream

/// A message to one worker.
enum Message: Sendable {
    /// The address of a line's server was looked up; `line` is its address in memory, which the asker keeps alive.
    case resolved(line: UInt, Result<SocketAddress, ResolveError>)
    /// A host name has been looked up again.
    case hostFound(poolIndex: Int, shardIndex: Int, addresses: [SocketAddress])
    /// Tell about your clients, or close some of them.
    case survey(ClientSurvey)
    /// Every worker has told.
    case surveyed(ClientSurvey)
    /// A monitor came or went somewhere.
    case monitorsChanged
    /// A line for this worker's monitors.
    case monitored([UInt8])
    /// An operator began or ended a trace.
    case traceChanged
    case pause(ClientPause)
    /// Another worker's breaker has opened.
    case shardOpened(poolIndex: Int, shardIndex: Int)
    /// A worker that ends had called this shard down, which is out of the ring: whoever stays is to bring it back.
    case shardLeft(poolIndex: Int, shardIndex: Int)
    /// The pool's keys are placed so from now on.
    case ringChanged(poolIndex: Int, Placement, revision: Int)
    /// Clients go to the process, or the generation of workers, at the other end.
    case handOver(Handover, Patience)
    /// A client of the process or generation before this one.
    case adopt(ClientRecord, descriptor: Int32)
    /// An operator's, for one worker to carry out.
    case order(ShardOrder)
    /// Stop accepting, answer what is under way, then end.
    case drain
}

final class Mailbox: Sendable {
    let wakeup: Wakeup
    private let messages = Mutex<[Message]>([])

    init() throws(SystemError) { wakeup = try Wakeup() }

    func post(_ message: Message) {
        messages.withLock { $0.append(message) }
        wakeup.signal()
    }

    func takeAll() -> [Message] {
        wakeup.clear()
        return messages.withLock { waiting in
            let taken = waiting
            waiting = []
            return taken
        }
    }
}
