// LoadError: why a target cannot be put under load at all: where, what happened, what to do.
// Not here: errors of single requests and connections, which are counted (ErrorTally).

struct LoadError: Error, Equatable, CustomStringConvertible {
    let description: String
}
