// KeySearch: how the search for a request's keys ended, and Valkey's words for the bad ends.
// A bad end means: this request cannot be routed; a Valkey would refuse it for the same reason.
// Not here: the search (KeyFinder); errors of routing itself, such as keys on two shards.

/// What is wrong with the number of keys.
public enum NumkeysFault: UInt8, BitwiseCopyable, Sendable {
    case notAnInteger
    case negative
    case tooMany
    /// Commands that take 1 or more and say so.
    case notPositive
    /// ZUNION and family with less than 1.
    case noInputKey
    /// FCALL's own words for what is no integer.
    case badFunctionCount
    case badPairCount
}

public enum KeySearch: Equatable, BitwiseCopyable, Sendable {
    case found
    /// A legal request without keys.
    case noKeys
    case badNumkeys(NumkeysFault)
    case syntax
    /// The number of arguments fits neither the arity nor the pairs of key and value.
    case wrongArity
    /// XREAD: not as many IDs as streams.
    case unbalancedStreams
    /// The list holds the keys that the request names, but it reads others too, which no one can tell from it.
    case unknowable

    /// The error a Valkey would give, with its code and without CR LF; nil if nothing is wrong.
    /// - Parameter wireName: the command as Valkey writes it: "config|get".
    package func errorText(wireName: String) -> String? {
        switch self {
        case .found, .noKeys, .unknowable: nil
        case .syntax: "ERR syntax error"
        case .wrongArity: "ERR wrong number of arguments for '\(wireName)' command"
        case .unbalancedStreams:
            "ERR Unbalanced '\(wireName)' list of streams: for each stream key an ID or "
                + (wireName == "xreadgroup" ? "'>'" : "'$'") + " must be specified."
        case .badNumkeys(.notAnInteger): "ERR value is not an integer or out of range"
        case .badNumkeys(.negative): "ERR Number of keys can't be negative"
        case .badNumkeys(.tooMany): "ERR Number of keys can't be greater than number of args"
        case .badNumkeys(.notPositive): "ERR numkeys should be greater than 0"
        case .badNumkeys(.noInputKey): "ERR at least 1 input key is needed for '\(wireName)' command"
        case .badNumkeys(.badFunctionCount): "ERR Bad number of keys provided"
        case .badNumkeys(.badPairCount): "ERR invalid numkeys value"
        }
    }
}
