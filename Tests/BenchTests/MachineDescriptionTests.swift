import Testing

@testable import keyway_bench

struct MachineDescriptionTests {
    @Test func everythingThatIsKnownIsSaid() {
        let text = MachineDescription.text(
            cpu: "processor\t: 0\nmodel name\t: Some  CPU @ 2.0GHz\n", memory: "MemTotal:  8388608 kB\n",
            distribution: "NAME=\"X\"\nPRETTY_NAME=\"Debian 12\"\n", release: "6.1.0", coreCount: 2)
        #expect(text == "Some CPU @ 2.0GHz, 2 cores, 8.0 GiB of memory, Linux 6.1.0, Debian 12")
    }

    @Test func whatIsNotKnownIsLeftOut() {
        let text = MachineDescription.text(
            cpu: "model name\nmodel name:  \n", memory: "MemTotal: much\n", distribution: nil, release: "6",
            coreCount: 1)
        #expect(text == "1 core, Linux 6")
        #expect(MachineDescription.here.contains("Linux"))
    }
}
