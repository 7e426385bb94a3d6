// Seeds: the seeds that random tests of this room run with.

/// Three seeds that never change and one that is new in every run; each test names its seed when it fails.
let seeds: [UInt64] = {
    let fresh = UInt64.random(in: 1_000...999_999_999)
    print("HashingTests: fresh seed \(fresh)")
    return [1, 2, 3, fresh]
}()
