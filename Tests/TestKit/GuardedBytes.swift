// GuardedBytes: bytes whose last one lies just before a page that nobody may touch, so that reading one too many ends
// the test process at once.

import Glibc

package final class GuardedBytes {
    private let pages: UnsafeMutableRawPointer
    private let pageBytes: Int
    private let capacityBytes: Int

    package init(capacityBytes: Int = 1 << 20) {
        pageBytes = sysconf(Int32(_SC_PAGESIZE))
        self.capacityBytes = (capacityBytes + pageBytes - 1) / pageBytes * pageBytes
        let mapped = mmap(
            nil, self.capacityBytes + pageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        precondition(mapped != nil && Int(bitPattern: mapped) != -1, "no memory for a guarded buffer")
        pages = mapped!
        precondition(mprotect(pages + self.capacityBytes, pageBytes, PROT_NONE) == 0)
    }

    deinit { munmap(pages, capacityBytes + pageBytes) }

    /// Where the copy of `bytes` begins; good until the next call.
    package func place(_ bytes: some Collection<UInt8>) -> UnsafePointer<UInt8> {
        precondition(bytes.count <= capacityBytes)
        let start = pages + (capacityBytes - bytes.count)
        UnsafeMutableRawBufferPointer(start: start, count: bytes.count).copyBytes(from: bytes)
        return UnsafePointer(start.assumingMemoryBound(to: UInt8.self))
    }
}
