// SentMarks: when the bytes of a line's requests were written, so that a reply tells how long its server took.
// A send is one mark, whatever it carried: how many bytes the connection had been given when it ended, and when that
// was. Replies come in the requests' order, so the bytes that they answer walk along the marks. There are so many marks
// at most; when they run out, every two neighbours become one and sends that follow closely share one, so the times of
// a server that answers nothing are right to an eighth.
// Not here: the histograms (Telemetry), how long a request waited to be written (Session, by its arrival).

public struct SentMarks: BitwiseCopyable {
    @usableFromInline
    struct Mark: BitwiseCopyable {
        /// Of the connection, when the send had ended.
        @usableFromInline var endBytes: UInt64
        /// Low bits of the worker's clock.
        @usableFromInline var atUs: UInt32

        @inlinable
        init(endBytes: UInt64, atUs: UInt32) {
            self.endBytes = endBytes
            self.atUs = atUs
        }
    }

    @usableFromInline static let capacity = 32
    @usableFromInline var marks: UnsafeMutablePointer<Mark>
    @usableFromInline var first = 0
    @usableFromInline var count = 0
    @usableFromInline var sentBytes: UInt64 = 0
    @usableFromInline var answeredBytes: UInt64 = 0
    /// A send that comes no later behind the last mark belongs to it.
    @usableFromInline var spacingUs: UInt32 = 0

    public init() {
        marks = .allocate(capacity: Self.capacity)
        marks.initialize(repeating: Mark(endBytes: 0, atUs: 0), count: Self.capacity)
    }

    public func deallocate() { marks.deallocate() }

    /// A new connection begins.
    public mutating func forget() {
        first = 0
        count = 0
        sentBytes = 0
        answeredBytes = 0
        spacingUs = 0
    }

    @inlinable
    public mutating func sent(sizeBytes: Int, atUs: UInt32) {
        guard sizeBytes > 0 else { return }
        sentBytes &+= UInt64(sizeBytes)
        if count > 0, atUs &- self[count &- 1].atUs <= spacingUs {
            self[count &- 1].endBytes = sentBytes
            return
        }
        if count == Self.capacity { thin() }
        self[count] = Mark(endBytes: sentBytes, atUs: atUs)
        count &+= 1
    }

    /// The next `sizeBytes` of what was sent are answered.
    ///
    /// - Returns: when the last of them were written.
    @inlinable
    public mutating func answered(sizeBytes: UInt32) -> UInt32 {
        answeredBytes &+= UInt64(sizeBytes)
        if answeredBytes == sentBytes { spacingUs = 0 }
        while count > 1, self[0].endBytes < answeredBytes {
            first = (first &+ 1) & (Self.capacity &- 1)
            count &-= 1
        }
        return self[0].atUs
    }

    @inlinable
    subscript(index: Int) -> Mark {
        get { marks[(first &+ index) & (Self.capacity &- 1)] }
        nonmutating set { marks[(first &+ index) & (Self.capacity &- 1)] = newValue }
    }

    @usableFromInline @inline(never)
    mutating func thin() {
        for index in 0..<count / 2 {
            self[index] = Mark(endBytes: self[2 * index + 1].endBytes, atUs: self[2 * index].atUs)
        }
        count /= 2
        spacingUs = (self[count - 1].atUs &- self[0].atUs) / UInt32(count)
    }
}
