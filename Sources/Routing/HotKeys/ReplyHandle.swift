// ReplyHandle: what a sampled request carries until its reply, one byte. All others carry a zero, which is all that
// they cost on the way back.
// Not here: what it stands for (SampledReplies).

package struct ReplyHandle: BitwiseCopyable, Sendable, Equatable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Of a request whose reply nobody wants to know of.
    package static var none: ReplyHandle { ReplyHandle(rawValue: 0) }

    package var isAwaited: Bool { rawValue != 0 }
}
