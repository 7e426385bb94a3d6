// SimulatedBackend+Copies: what Keyway keeps on servers of hot keys, under names of its own.
//
//     DUMP key ──► 0, the number of the part that wrote it, its value ──► RESTORE name life ──► GET, EXISTS, UNLINK
//
// What is held against Keyway here: a name that is used twice, a copy that never ends, a value that is not the one that
// was dumped. Copies end by their life, with all keys, or unseen, as any key may that is evicted.
// Not here: the keys themselves (SimulatedBackend+HotKeys).

import Glibc
import Routing

struct HotKeyCopy {
    /// The part that wrote the value.
    let writer: Int
    let expiresAtMs: UInt64
}

extension SimulatedBackend {
    /// The command at hand is.
    var isForCopy: Bool {
        command.count > 1 && command[1].count > ReservedKeys.prefix.count
            && command[1].starts(with: ReservedKeys.prefix)
    }

    func answerForCopy(_ connection: ServerConnection) {
        let output = connection.socket
        let name = command.text(1)
        if world.profile.serverErrorOdds > 0, world.dice.happens(world.profile.serverErrorOdds) {
            return output.toEngine.append("-OOM simulated\r\n")
        }
        switch command.text(0) {
        case "RESTORE": restore(name, output)
        case "GET":
            if let copy = copy(name) {
                let sizeBytes = ledger.parts[copy.writer].writtenBytes
                appendMarked(copy.writer, bytesOf: copy.writer, sizeBytes: sizeBytes, to: output)
            } else {
                output.toEngine.append(connection.speaksRESP3 ? "_\r\n" : "$-1\r\n")
            }
        case "EXISTS": output.toEngine.append(":", copy(name) == nil ? 0 : 1)
        case "UNLINK":
            output.toEngine.append(":", copy(name) == nil ? 0 : 1)
            copies[name] = nil
        default: ledger.accuse("shard \(index): \(command.text(0)) of the copy \(name)")
        }
    }

    private func copy(_ name: String) -> HotKeyCopy? {
        guard let copy = copies[name], copy.expiresAtMs > world.nowMs else { return nil }
        return copy
    }

    func appendDump(ofWriter writer: Int, to output: SimulatedSocket) {
        let sizeBytes = ledger.parts[writer].writtenBytes
        output.toEngine.append("$", 9 + sizeBytes)
        let start = output.toEngine.grow(by: 9)
        start[0] = 0
        Ledger.writeDigits(writer, count: 8, to: start + 1)
        output.toEngine.append(Ledger.value(of: writer), count: sizeBytes)
        output.toEngine.append("\r\n")
    }

    private func restore(_ name: String, _ output: SimulatedSocket) {
        if index == world.profile.hot.refusingShard {
            return output.toEngine.append("-ERR DUMP payload version or checksum are wrong\r\n")
        }
        let (life, value) = (command[2], command[3])
        let lifeMs = Ledger.readDigits(life.baseAddress!, count: life.count)
        let writer = value.count < 9 ? -1 : Ledger.readDigits(value.baseAddress! + 1, count: 8)
        guard writer >= 0, writer < ledger.partCount, value.count == 9 + ledger.parts[writer].writtenBytes,
            memcmp(value.baseAddress! + 9, Ledger.value(of: writer), value.count - 9) == 0
        else { return ledger.accuse("shard \(index): RESTORE of what no server dumped") }
        if lifeMs <= 0 { ledger.accuse("shard \(index): the copy \(name) never ends") }
        if !copyNames.insert(name).inserted { ledger.accuse("shard \(index): the name \(name) is used twice") }
        copies[name] = HotKeyCopy(writer: writer, expiresAtMs: world.nowMs + UInt64(lifeMs))
        world.trace.note("shard, writer, life: takes a copy", index, writer, lifeMs)
        output.toEngine.append("+OK\r\n")
    }

    /// One of them goes, and nobody is told.
    func evictCopy() {
        guard let name = copies.keys.min() else { return }
        copies[name] = nil
    }
}
