// ReplyHandle: what a sampled request carries until its reply, one byte. All others carry a zero, which is all that
// they cost on the way back.
// Not here: what it stands for (SampledReplies).

public struct ReplyHandle: BitwiseCopyable, Sendable, Equatable {
    @usableFromInline let rawValue: UInt8

    @inlinable
    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Of a request whose reply nobody wants to know of.
    @inlinable
    public static var none: ReplyHandle { ReplyHandle(rawValue: 0) }

    @inlinable
    public var isAwaited: Bool { rawValue != 0 }
}
