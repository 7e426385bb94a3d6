// Mix: `--mix get=9,set=1` read: presets and what share of the operations each has.
// A group's parts share the group's weight; a name that comes twice, alone or in a group, has the sum.
// Not here: the presets (Preset), commands of the user's own (Workload).

struct Mix {
    private(set) var parts: [(preset: Preset, weight: Double)] = []
    /// A YCSB preset is in it, whose keys are zipfian unless something else is asked for.
    private(set) var isYCSB = false

    init(parsing text: String) throws(WorkloadError) {
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let halves = word.split(separator: "=", omittingEmptySubsequences: false)
            let name = halves[0].lowercased().filter { $0 != " " }
            guard halves.count <= 2, let weight = halves.count == 1 ? 1 : WrittenNumber.amount(halves[1]), weight > 0,
                weight <= 1e9
            else {
                throw WorkloadError(
                    "mix \"\(text)\": \"\(word)\" is not NAME=WEIGHT with a weight above 0, for example get=9,set=1")
            }
            try add(name, weight, text)
        }
    }

    private mutating func add(_ name: String, _ weight: Double, _ text: String) throws(WorkloadError) {
        if let preset = Preset.table.first(where: { $0.name == name }) {
            if let known = parts.firstIndex(where: { $0.preset.name == name }) {
                parts[known].weight += weight
            } else {
                parts.append((preset, weight))
            }
        } else if let group = Preset.groups.first(where: { $0.name == name }) {
            let inner = try Mix(parsing: group.mix)
            let sum = inner.parts.reduce(0) { $0 + $1.weight }
            for part in inner.parts { try add(part.preset.name, weight * part.weight / sum, text) }
            if name.hasPrefix("ycsb") { isYCSB = true }
        } else if name == "ycsb-d" || name == "ycsb-e" {
            throw WorkloadError(
                "mix \"\(text)\": \(name) is not offered: it inserts keys while others read the newest; there are "
                    + "ycsb-a, ycsb-b, ycsb-c and ycsb-f")
        } else {
            throw WorkloadError(
                "mix \"\(text)\": there is no operation \"\(name)\"; use \(Preset.names), or one of the groups "
                    + "\(Preset.groupNames); any other command is sent with --command")
        }
    }
}
