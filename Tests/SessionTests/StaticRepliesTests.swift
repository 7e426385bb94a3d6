// Replies that never change are laid out once and survive any number of references.

import Platform
import Testing

@testable import Session

struct StaticRepliesTests {
    @Test func everyPlaceHoldsItsText() {
        let statics = StaticReplies()
        defer { statics.deallocate() }
        for (place, text) in [
            (statics.ok, "+OK\r\n"), (statics.pong, "+PONG\r\n"),
        ] {
            let bytes = UnsafeRawBufferPointer(
                start: statics.chunk.data + Int(place.offset), count: Int(place.sizeBytes))
            #expect(String(decoding: bytes, as: UTF8.self) == text)
        }
        var pool = ChunkPool()
        for _ in 0..<1_000 { statics.chunk.retain() }
        for _ in 0..<1_000 { pool.release(statics.chunk) }
        #expect(pool.freeCount == 0)
    }
}
