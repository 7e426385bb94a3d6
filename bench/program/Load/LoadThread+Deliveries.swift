// LoadThread+Deliveries: the subscribers' side of pub/sub. A delivery belongs to the window in which it was published,
// and its latency counts from the moment that its message carries. What was published, answered and not delivered to
// every subscriber of its channel is missing.
// Not here: publishing (PublishSource), the sum over all threads (PhaseControl, PhaseRecord).

extension LoadThread where Source: ~Copyable {
    /// Whether nobody waits for a delivery any more: messages of one thread reach subscribers of another, so all must
    /// have published. What is missing is waited for until the drain's end.
    mutating func hasDelivered() -> Bool {
        guard options.pubSub != nil else { return true }
        let (expectedCount, deliveredCount) = (expectedDeliveryCount, deliveryCount)
        control.note(threadIndex) {
            $0.hasPublished = true
            $0.expectedDeliveryCount = expectedCount
            $0.deliveryCount = deliveredCount
        }
        return control.isAllDelivered
    }

    mutating func takeDelivery(_ reply: UnsafePointer<UInt8>, _ count: Int) {
        // Another thread may have begun to publish before this one knows that the run has begun.
        guard let publishNs = PublishSource.publishNs(of: reply, count: count), publishNs >= control.windowStartNs,
            publishNs < control.windowEndNs
        else { return }
        deliveryCount &+= 1
        tally.record(kind: PublishSource.deliveryKind, latencyNs: nowNs >= publishNs ? nowNs - publishNs : 0)
    }

    mutating func expectDeliveries(_ entry: InFlight.Entry) {
        guard let pubSub = options.pubSub, !entry.hasFailed else { return }
        let channel = Int(entry.operation.note)
        // Subscriber s listens to channel s modulo channels.
        let fanOut = (pubSub.subscriberCount + pubSub.channelCount - 1 - channel) / pubSub.channelCount
        expectedDeliveryCount &+= UInt64(fanOut)
        tally.expectedDeliveryCount &+= UInt64(fanOut)
    }
}
