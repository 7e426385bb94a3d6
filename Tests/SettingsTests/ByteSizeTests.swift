import Settings
import Testing

@Test(arguments: [
    ("0", 0), ("1048576", 1_048_576), ("1b", 1), ("1k", 1000), ("1kb", 1024), ("1m", 1_000_000), ("1mb", 1_048_576),
    ("1g", 1_000_000_000), ("1gb", 1_073_741_824), ("512MB", 536_870_912), ("2Gb", 2_147_483_648), ("007kb", 7168),
])
func aSizeIsReadAsValkeyReadsIt(text: String, sizeBytes: Int) {
    #expect(ByteSize.parse(text) == .bytes(sizeBytes))
}

@Test(arguments: [
    "", "mb", "1 mb", " 1mb", "1mb ", "1tb", "1.5gb", "-1mb", "+1mb", "0x10", "1mbb", "٣mb", "9223372036854775808",
    "9223372036854775807kb", "8589934592gb",
])
func whatIsNoSizeIsRefused(text: String) {
    #expect(ByteSize.parse(text) == .malformed)
}

@Test func theTextOfASizeIsReadBackAsTheSameSize() {
    for size in [0, 1, 1000, 1023, 1024, 1025, 65536, 1 << 20, (1 << 20) + 1, 512 << 20, 1 << 30, 1 << 40] {
        #expect(ByteSize.parse(ByteSize.text(size)) == .bytes(size))
    }
    #expect(ByteSize.text(512 << 20) == "512mb")
    #expect(ByteSize.text(1 << 40) == "1024gb")
    #expect(ByteSize.text(1_000_000) == "1000000")
}
