import Glibc
import Routing
import Testing

/// Memory whose last byte is the last one that may be read: the next page traps.
private final class GuardedPage {
    private let base: UnsafeMutableRawPointer
    private let pageSize = sysconf(Int32(_SC_PAGESIZE))

    init() {
        base = mmap(nil, pageSize * 3, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        precondition(base != MAP_FAILED)
        precondition(mprotect(base, pageSize, PROT_NONE) == 0)
        precondition(mprotect(base + 2 * pageSize, pageSize, PROT_NONE) == 0)
    }

    deinit { munmap(base, pageSize * 3) }

    /// `bytes` right before the forbidden page.
    func atEnd(_ bytes: [UInt8]) -> UnsafePointer<UInt8> { place(bytes, at: base + 2 * pageSize - bytes.count) }

    /// `bytes` right behind a forbidden page.
    func atStart(_ bytes: [UInt8]) -> UnsafePointer<UInt8> { place(bytes, at: base + pageSize) }

    private func place(_ bytes: [UInt8], at place: UnsafeMutableRawPointer) -> UnsafePointer<UInt8> {
        place.copyMemory(from: bytes, byteCount: bytes.count)
        return UnsafePointer(place.assumingMemoryBound(to: UInt8.self))
    }
}

struct CommandTableTests {
    let table = CommandTable()

    private struct Entry {
        let id: CommandID
        let container: CommandID?
        let word: [UInt8]
    }

    private var entries: [Entry] {
        table.rows.map { row in
            let words = table.name(of: row.id).split(separator: " ")
            guard words.count == 2 else { return Entry(id: row.id, container: nil, word: Array(words[0].utf8)) }
            let container = table.rows.first { table.name(of: $0.id) == words[0] }!.id
            return Entry(id: row.id, container: container, word: Array(words[1].utf8))
        }
    }

    private func find(_ word: [UInt8], in container: CommandID?) -> CommandID? {
        word.withUnsafeBufferPointer { find($0.baseAddress!, count: word.count, in: container) }
    }

    private func find(_ word: UnsafePointer<UInt8>, count: Int, in container: CommandID?) -> CommandID? {
        if let container {
            return table.view.subcommand(of: table.view[container], name: word, count: count)?.pointee.id
        }
        return table.view.row(name: word, count: count)?.pointee.id
    }

    private func upper(_ word: [UInt8]) -> [UInt8] { word.map { $0 >= 97 && $0 <= 122 ? $0 - 32 : $0 } }

    @Test func everyNameFindsItsRowInEveryLetterCase() {
        var random = SystemRandomNumberGenerator()
        for entry in entries {
            let letters = entry.word.indices.filter { entry.word[$0] >= 65 && entry.word[$0] <= 90 }
            // All cases of names up to 10 letters, a sample of the others: all lower, alternating, random.
            let masks: [UInt64] =
                letters.count <= 10
                ? Array(0..<(1 << UInt64(letters.count)))
                : [0, .max, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa] + (0..<200).map { _ in random.next() }
            for mask in masks {
                var word = entry.word
                for (bit, index) in letters.enumerated() where mask & (1 << UInt64(bit)) != 0 { word[index] |= 0x20 }
                #expect(find(word, in: entry.container) == entry.id)
            }
        }
    }

    /// Goal: a lookup gives the command of exactly that name or nothing.
    /// Method: the right answer comes from a dictionary of upper-case names.
    @Test func noPrefixAndNoMutationFindsAnotherCommand() {
        var known: [CommandID?: [[UInt8]: CommandID]] = [:]
        for entry in entries { known[entry.container, default: [:]][entry.word] = entry.id }
        var wrong = 0
        func check(_ word: [UInt8], in container: CommandID?) {
            if find(word, in: container) != known[container]?[upper(word)] { wrong += 1 }
        }
        for entry in entries {
            for cut in 1..<entry.word.count { check(Array(entry.word[..<cut]), in: entry.container) }
            for cut in 1..<entry.word.count { check(Array(entry.word[cut...]), in: entry.container) }
            for index in entry.word.indices {
                var word = entry.word
                for byte in UInt8.min...UInt8.max {
                    word[index] = byte
                    check(word, in: entry.container)
                }
                check(entry.word[..<index] + [0] + entry.word[index...], in: entry.container)
            }
            for extra: [UInt8] in [[0], [0, 0, 0, 0, 0], Array(" ".utf8), Array("X".utf8)] {
                check(entry.word + extra, in: entry.container)
                check(extra + entry.word, in: entry.container)
            }
            check(entry.word + entry.word, in: entry.container)
        }
        #expect(wrong == 0)
    }

    @Test func onlyLettersFold() {
        #expect(find(Array("client".utf8), in: nil) == .client)
        #expect(find(Array("no-evict".utf8), in: .client) == .clientNoEvict)
        #expect(find([0x4e, 0x4f, 0x0d] + Array("EVICT".utf8), in: .client) == nil)  // "-" without bit 0x20.
        #expect(find(Array("eval_ro".utf8), in: nil) == .evalRo)
        #expect(find(Array("eval\u{7f}ro".utf8), in: nil) == nil)  // "_" with bit 0x20.
        #expect(find([0xe7] + Array("et".utf8), in: nil) == nil)  // "g" with bit 0x80.
    }

    @Test func subcommandsBelongToTheirContainerOnly() {
        for entry in entries {
            guard let container = entry.container else { continue }
            for other in entries where other.container == nil && other.id != container {
                guard let found = find(entry.word, in: other.id) else { continue }
                #expect(found != entry.id)
                #expect(table.name(of: found).hasPrefix(table.name(of: other.id) + " "))
            }
        }
        #expect(find(Array("SETNAME".utf8), in: nil) == nil)
        #expect(find(Array("SETNAME".utf8), in: .config) == nil)
        #expect(find(Array("GET".utf8), in: .config) == .configGet)
        #expect(find(Array("GET".utf8), in: .get) == nil)
        #expect(find(Array("CONFIG GET".utf8), in: nil) == nil)
    }

    @Test func emptyNamesAreUnknown() {
        let page = GuardedPage()
        #expect(find(page.atEnd([]), count: 0, in: nil) == nil)
        #expect(find(page.atEnd([]), count: 0, in: .client) == nil)
    }

    @Test func lookupsNeverReadOutsideTheName() {
        let page = GuardedPage()
        for entry in entries {
            #expect(find(page.atEnd(entry.word), count: entry.word.count, in: entry.container) == entry.id)
            #expect(find(page.atStart(entry.word), count: entry.word.count, in: entry.container) == entry.id)
            let unknown = [UInt8(ascii: "~")] + entry.word.dropFirst()
            #expect(find(page.atEnd(unknown), count: unknown.count, in: entry.container) == nil)
        }
        for count in 1...64 {
            let junk = [UInt8](repeating: 0xff, count: count)
            #expect(find(page.atEnd(junk), count: count, in: nil) == nil)
            #expect(find(page.atStart(junk), count: count, in: nil) == nil)
        }
    }

    /// Goal: the middle of a long name, which its key leaves out, is compared too.
    @Test func namesThatDifferOnlyInTheMiddleAreUnknown() {
        for entry in entries where entry.word.count > 16 {
            for index in 8..<(entry.word.count - 8) {
                var word = entry.word
                word[index] ^= 1
                #expect(find(word, in: entry.container) == nil)
            }
        }
    }

    @Test func everyIdentityFindsItsRowAndItsStrings() {
        #expect(CommandID.allCases.dropLast().count == table.rows.count && CommandID.allCases.last == .learned)
        for id in CommandID.allCases.dropLast() { #expect(table.view[id].pointee.id == id) }
        #expect(table.name(of: .configGet) == "CONFIG GET")
        #expect(table.wireName(of: .configGet) == "config|get")
        #expect(table.group(of: .zadd) == "sorted_set")
        #expect(table.since(of: .msetex) == "9.1.0")
        #expect(table.treatment(of: .get) == "")
    }

    /// Goal: only what reads one key, and says the same each time, is called a steady read.
    @Test func steadyReadsReadOneKeyAndSayTheSameEachTime() {
        let steady: [CommandID] = [.get, .strlen, .hget, .zscore, .lrange, .type, .getrange, .xlen]
        for id in steady { #expect(table.view[id].pointee.isSteadyRead, "\(id)") }
        let others: [CommandID] = [
            .set, .getdel, .getex, .incr, .ttl, .pttl, .smembers, .hgetall, .srandmember, .hrandfield, .zrandmember,
            .sscan, .dump, .mget, .exists, .keys, .eval, .blpop, .touch, .ping,
        ]
        for id in others { #expect(!table.view[id].pointee.isSteadyRead, "\(id)") }
    }
}
