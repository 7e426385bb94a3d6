// WorkloadError: what a person asked for that cannot be sent: the option, what is wrong with it and what to do.
// Not here: errors of servers and connections (Measure/PhaseResult).

struct WorkloadError: Error, CustomStringConvertible, Equatable {
    let description: String
    init(_ description: String) { self.description = description }
}
