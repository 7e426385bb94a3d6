// SimulatedBackend+Lies: what a server that has lost its mind answers.
// Not here: when it does (FaultProfile).

extension SimulatedBackend {
    func lie(_ kind: RequestKind, _ connection: ServerConnection) {
        hasLied = true
        let output = connection.socket
        let choice = world.dice.below(8)
        world.trace.note("shard, descriptor, kind of lie: lies", index, Int(output.descriptor), choice)
        switch choice {
        case 0: output.toEngine.append("garbage\r\n")
        case 1: output.toEngine.append("$12x\r\n")
        case 2:
            output.toEngine.append("$5\r\nextra\r\n")
            answer(kind, connection)
        case 3:
            let before = output.toEngine.count
            answer(kind, connection)
            let made = output.toEngine.count - before
            output.toEngine.dropLast(world.dice.below(max(1, made)))
            output.end = .reset
        case 4: break
        case 5:
            output.toEngine.append("*3\r\n")
            answer(kind, connection)
        case 6:
            output.toEngine.append(">2\r\n+message\r\n+lie\r\n")
            answer(kind, connection)
        default: output.toEngine.append(":-1\r\n")
        }
    }
}
