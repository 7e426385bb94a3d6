// StaticReplies: replies that are the same bytes each time, laid out once in one chunk that is never given back.
// Not here: replies with contents (LocalCommands, ProxyError).

import Glibc
import Platform

struct StaticReplies: BitwiseCopyable {
    struct Place: BitwiseCopyable {
        let offset: UInt32
        let sizeBytes: UInt32
    }

    let chunk: ChunkRef
    let ok: Place
    let pong: Place
    let queued: Place

    init() {
        let texts = ["+OK\r\n", "+PONG\r\n", "+QUEUED\r\n"]
        let raw = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 64)
        let header = raw.bindMemory(to: Chunk.self, capacity: 1)
        header.initialize(to: Chunk.pinned(capacityBytes: 256 - Chunk.headerSizeBytes))
        var places: [Place] = []
        for text in texts {
            let bytes = Array(text.utf8)
            let offset = header.pointee.fillBytes
            memcpy(header.data + offset, bytes, bytes.count)
            header.pointee.fillBytes += bytes.count
            places.append(Place(offset: UInt32(offset), sizeBytes: UInt32(bytes.count)))
        }
        chunk = header
        ok = places[0]
        pong = places[1]
        queued = places[2]
    }

    func deallocate() { chunk.deallocate() }
}
