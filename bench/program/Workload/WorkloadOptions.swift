// WorkloadOptions: what to send, as the command line says it; every field has a default and belongs to one option.
// Syntax that is more than a number is read by the type's own `parse`; the rest is checked by Workload.
// Not here: how fast it is sent and to whom (Load).

struct WorkloadOptions: Sendable {
    /// `--mix get=9,set=1`: operations by name with weights; a name alone weighs 1. `Preset.table` has the names,
    /// `Preset.groups` names for several at once (hash, list, sets, zset, stream, string, transaction, ycsb-a, -b, -c,
    /// -f), whose parts share the group's weight. Nil: the default mix, unless there are `commands` or a trace.
    var mix: String?

    /// `--command 'SET {key} {value}'`, as often as wanted: an operation of the user's own; syntax in `Template`.
    var commands: [String] = []

    /// `--command-ratio 3`, the n-th for the n-th `--command`; 1 where none is left. On the scale of the weights in
    /// `mix`.
    var commandRatios: [Double] = []

    /// `--keys 100000`: how many different keys there are, from index 0 on.
    var keyCount = 100_000

    /// `--key-prefix key:`: what stands before the index; braces in it are a hash tag as anywhere else.
    var keyPrefix = "key:"

    /// `--key-digits 12`: width of the index, with zeros in front.
    var keyDigits = 12

    /// `--distribution uniform`: see `KeyDistribution`. Nil: uniform, or zipfian 0.99 when the mix has a ycsb preset.
    var distribution: KeyDistribution?

    /// `--no-spread` clears it: hot keys lie side by side from index 0 on instead of all over.
    var isSpread = true

    /// `--value-size 64`: see `ValueSize`.
    var valueSize = ValueSize.fixed(64)

    /// `--keys-per-command 10`: keys of one MGET or MSET.
    var keysPerCommand = 10

    /// `--ttl-s 60` or `30-90`: SET carries EX with that many seconds, SETEX and EXPIRE take it too.
    var ttlS: ClosedRange<Int>?

    /// `--elements 10`: fields of a hash, entries of a list, members of a set, that `--fill` writes and commands name.
    var elementsPerKey = 10

    /// `--trace FILE`: commands to replay instead of a mix; forms in `Trace`.
    var tracePath: String?

    /// `--trace-loop`: begin anew at the trace's end instead of ending there.
    var isTraceLooped = false

    /// `--verify`: values say what they are and every reply is checked; see `Ledger` and `VerifiedValue`.
    var isVerified = false

    /// `--seed 1`: the same seed sends the same bytes (but for the run's number in verified values, and {time}).
    var seed: UInt64 = 1

    /// `--threads`, here for checks only.
    var threadCount = 1

    /// Tells this run's verified values from earlier ones. Nil draws one, so that no two runs share it.
    var runID: UInt32?

    static let mixDefault = "get=9,set=1"
    static let keyDigitsRange = 1...18
    static let keysPerCommandRange = 1...10_000
    static let elementsRange = 1...10_000
    static let ttlSMax = 2_000_000_000

    /// `60` or `30-90`.
    static func parseTTL(_ text: String) throws(WorkloadError) -> ClosedRange<Int> {
        guard let range = WrittenNumber.range(text), range.lowerBound >= 1, range.upperBound <= ttlSMax else {
            throw WorkloadError(
                "expiry \"\(text)\": use whole seconds from 1 to \(ttlSMax), or a range of them as 30-90")
        }
        return range
    }
}
