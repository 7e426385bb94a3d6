import Glibc
import TestKit
import Wire

@testable import Routing

/// Requests for keys `key:000000`, `key:000001`, ... and what is made of them.
final class HotKeyTrace {
    static let keyCount = 100_000
    private static let keyBytes = 10

    private let text: UnsafeMutablePointer<UInt8>
    /// Walker's alias method: for each draw one number and one look-up.
    private let limits: UnsafeMutablePointer<UInt32>
    private let aliases: UnsafeMutablePointer<Int32>
    /// Requests for each key so far.
    let truth: UnsafeMutablePointer<Int>
    var random: SeededRandom
    var sampler: HotKeySampler
    let sketch: HotKeySketch
    var nowMs: UInt64 = 1_000
    private(set) var sampleCount = 0
    private var shardCount: Int

    /// - Parameter exponent: of Zipf's law; the key of rank 1 is key 0.
    init(exponent: Double, random: SeededRandom, options: HotKeySketchOptions = HotKeySketchOptions(shardCount: 4)) {
        self.random = random
        text = .allocate(capacity: Self.keyCount * Self.keyBytes)
        limits = .allocate(capacity: Self.keyCount)
        aliases = .allocate(capacity: Self.keyCount)
        truth = .allocate(capacity: Self.keyCount)
        truth.initialize(repeating: 0, count: Self.keyCount)
        sampler = HotKeySampler(nowMs: 1_000)
        sketch = .allocate(options, seed: self.random.next(), nowMs: 1_000)
        shardCount = options.shardCount
        for index in 0..<Self.keyCount {
            var rest = index
            for place in 0..<Self.keyBytes {
                let digit = UInt8(ascii: "0") + UInt8(rest % 10)
                text[index * Self.keyBytes + Self.keyBytes - 1 - place] =
                    place < 6 ? digit : Array(":yek".utf8)[place - 6]
                rest /= 10
            }
        }
        makeTable(exponent)
    }

    deinit {
        text.deallocate()
        limits.deallocate()
        aliases.deallocate()
        truth.deallocate()
        sketch.deallocate()
    }

    private func makeTable(_ exponent: Double) {
        var weights = (0..<Self.keyCount).map { 1 / pow(Double($0 + 1), exponent) }
        let mean = weights.reduce(0, +) / Double(Self.keyCount)
        weights = weights.map { $0 / mean }
        var small = weights.indices.filter { weights[$0] < 1 }
        var large = weights.indices.filter { weights[$0] >= 1 }
        while let low = small.popLast() {
            let high = large.last ?? low
            limits[low] = UInt32(min(weights[low], 1) * Double(UInt32.max))
            aliases[low] = Int32(high)
            guard high != low else { continue }
            weights[high] -= 1 - weights[low]
            if weights[high] < 1 { small.append(large.removeLast()) }
        }
        for index in large {
            limits[index] = .max
            aliases[index] = Int32(index)
        }
    }

    /// Draws a key.
    func draw() -> Int {
        let word = random.next()
        let index = Int(((word >> 32) &* UInt64(Self.keyCount)) >> 32)
        return UInt32(truncatingIfNeeded: word) <= limits[index] ? index : Int(aliases[index])
    }

    func key(_ index: Int) -> ByteView { ByteView(start: text + index &* Self.keyBytes, count: Self.keyBytes) }

    /// One request, at `nowMs`.
    func request(_ index: Int, isWrite: Bool = false, sizeBytes: Int = 30) {
        truth[index] &+= 1
        guard sampler.isDue() else { return }
        sampleCount &+= 1
        let word = UInt32(truncatingIfNeeded: random.next())
        let weight = sampler.next(nowMs: nowMs, random: word)
        _ = sketch.record(
            HotKeySample(
                key: key(index), slot: index & 16_383, shardIndex: index % shardCount, isWrite: isWrite,
                sizeBytes: sizeBytes, weight: weight), nowMs: nowMs)
    }

    /// Drawn requests, evenly over time.
    ///
    /// - Parameter shift: added to each key, so that others are hot.
    func run(seconds: Int, requestsPerSecond: Int, shift: Int = 0) {
        var due = 0
        for _ in 0..<(seconds * 1_000) {
            nowMs += 1
            due += requestsPerSecond
            while due >= 1_000 {
                due -= 1_000
                request((draw() + shift) % Self.keyCount)
            }
        }
    }

    func report(countMax: Int = .max, order: HotKeyReport.Order = .requests) -> HotKeyReport {
        HotKeyReport([sketch.snapshot(poolIndex: 0, nowMs: nowMs)], countMax: countMax, order: order)
    }

    /// The part of the most used keys that the report has. Which of several keys with one count belongs to them is
    /// not asked.
    func recall(top count: Int) -> Double {
        let counts = (0..<Self.keyCount).map { truth[$0] }.sorted(by: >)
        let found = report(countMax: count).keys.filter { truth[Self.index(of: $0)] >= counts[count - 1] }
        return Double(found.count) / Double(count)
    }

    static func index(of key: HotKey) -> Int { Int(String(decoding: key.key.bytes.suffix(6), as: UTF8.self))! }
}

extension HotKeyReport {
    /// The rate of one key; 0 where it is not known.
    func heat(of index: Int) -> HeatRate { keys.first { HotKeyTrace.index(of: $0) == index }?.heat ?? HeatRate() }
}
