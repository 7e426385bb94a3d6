import Testing

@testable import keyway_bench

struct PresetTests {
    @Test func namesAreUniqueAndNoGroupTakesOne() {
        let names = Preset.table.map(\.name) + Preset.groups.map(\.name)
        #expect(Set(names).count == names.count)
    }

    @Test(arguments: Preset.table.map(\.name)) func everyRowCompilesWithAndWithoutExpiry(name: String) throws {
        let plain = try Workload(options { $0.mix = name })
        #expect(plain.operationNames[0] == name)
        if name == "mset" { return }
        let expiring = try Workload(
            options {
                $0.mix = name
                $0.ttlS = 5...9
            })
        #expect(expiring.operationNames[0] == name)
    }

    @Test func rowsOfSingleCommandsAreNamedAsTheirCommand() throws {
        for preset in Preset.table where !preset.template.contains(";") {
            #expect(preset.template.lowercased().split(separator: " ")[0] == preset.name)
        }
        #expect(Preset.row(ofCommand: "HGet")?.type == .hash)
        #expect(Preset.row(ofCommand: "multi") == nil && Preset.row(ofCommand: "rmw") == nil)
    }
}
