// ResidentMemory: what this process keeps in memory without need.
// Reading a config and starting up touches megabytes of code and tables (YAML, Foundation, Unicode) that serving never
// touches again.
// Not here: the buffers of workers, which give back their own (ChunkPool).

import CLinux

package enum ResidentMemory {
    /// Call once, when everything has started. Code that runs again is read back from the page cache, a fault for each
    /// 64 KiB.
    package static func giveBackStartup() { clinux_give_back_startup() }

    /// The heap's free pages, after much of it has become free; takes about a millisecond.
    package static func giveBackHeap() { clinux_give_back_heap() }
}
