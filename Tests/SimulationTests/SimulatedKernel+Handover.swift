// SimulatedKernel+Handover: clients that leave this worker for those who follow, clients that come, the drain and the
// worker's end, as Worker has them.
// What is held against Keyway here: a client for whom the worker has no place, and what a worker has not given back
// when its last client is gone.
// Not here: who follows, and the clients' way (SimulatedService).

import Platform

@testable import Session

extension SimulatedKernel {
    /// What a worker is told, in this order.
    enum Order {
        case handOver(Patience, (ClientRecord, SimulatedSocket) -> Bool)
        case adopt(ClientRecord, SimulatedSocket)
        case drain
    }

    var isAccepting: Bool { !engine.isDraining && !engine.isHandingOver }

    func readOrders() {
        let read = orders
        orders.removeAll()
        for order in read {
            world.hasMoved = true
            switch order {
            case .handOver(let patience, let give): handOver(patience, give)
            case .adopt(let record, let socket): adopt(record, socket)
            case .drain: drain()
            }
        }
    }

    private func handOver(_ patience: Patience, _ give: @escaping (ClientRecord, SimulatedSocket) -> Bool) {
        guard !engine.isDraining else { return }
        world.trace.note("worker, clients: hands over", number, engine.clientCount)
        self.give = give
        self.patience = patience
        drainUntilMs = engine.nowMs + UInt64(engine.options.drainTimeoutMs)
        engine.handOver()
    }

    private func drain() {
        guard !engine.isDraining else { return }
        world.trace.note("worker, clients: drains", number, engine.clientCount)
        drainUntilMs = engine.nowMs + UInt64(engine.options.drainTimeoutMs)
        for client in engine.clients {
            let socket = socket(client.pointee.descriptor)
            for _ in 0..<Self.drainReadsMax {
                if client.pointee.flags.contains(.closed) || !client.pointee.gate.isEmpty { break }
                if !socket.toEngine.isEmpty { receive(client, socket) }
            }
        }
        engine.drain()
    }

    private static let drainReadsMax = 16

    // MARK: One client

    func depart(_ client: ClientRef) {
        guard let give else { preconditionFailure("SimulatedKernel: a client leaves, and nobody takes it") }
        let socket = socket(client.pointee.descriptor)
        guard let record = ClientRecord(engine.record(of: client).bytes) else {
            return ledger.accuse("worker \(number): the record of client \(client.pointee.id) cannot be read")
        }
        world.trace.note(
            "worker, descriptor, bytes unread: a client leaves", number, Int(socket.descriptor), record.unread.count)
        guard give(record, socket) else { return takeBack() }
        socket.leaveWorker()
        engine.close(client, .byProxy)
    }

    /// Those who were to follow are gone; who is still here stays.
    private func takeBack() {
        world.trace.note("worker: takes its clients back", number)
        give = nil
        drainUntilMs = 0
        engine.stay()
    }

    private func adopt(_ record: ClientRecord, _ socket: SimulatedSocket) {
        add(socket)
        world.trace.note("worker, descriptor: a client comes", number, Int(socket.descriptor))
        _ = engine.shared.clientOpened()
        socket.client = engine.adopt(record, descriptor: socket.descriptor)
        if socket.client == nil { ledger.accuse("worker \(number): has no place for \(record)") }
    }

    // MARK: The end

    /// Nobody is left, or their time is over.
    var isOver: Bool {
        guard engine.isDraining || engine.isHandingOver else { return false }
        if engine.isDeserted || (engine.isDraining && engine.clientCount == 0) { return true }
        guard engine.nowMs >= drainUntilMs else { return false }
        if engine.isDraining {
            engine.cutEverybody()
            return false
        }
        switch patience {
        case .untilDrained: drain()
        case .lasting(let gone, let moved):
            engine.endLingering(gone: gone, moved: moved)
            drainUntilMs = .max
        }
        return false
    }

    func end() {
        world.trace.note("worker, clients: ends", number, engine.clientCount)
        let isDeserted = engine.isDeserted
        if engine.clientCount == 0, sockets.contains(where: { $0.client != nil }) {
            ledger.accuse("worker \(number): has ended, and a client's connection is open")
        }
        engine.giveEverythingBack()
        hasGivenBack = true
        closeAll()
        engine.buffers.chunks.releaseFree()
        let leftBytes = engine.buffers.chunks.totalBytes
        // What a drain leaves behind goes with the process.
        if isDeserted, leftBytes > 0 { ledger.accuse("worker \(number): has ended and keeps \(leftBytes) bytes") }
    }
}
