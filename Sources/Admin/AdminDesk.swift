// AdminDesk: what the admin port answers to which path. ADMIN.md is its description for people.
//
//     GET /            the page           GET /metrics        Prometheus          GET /healthz  /readyz
//     GET /api/...     JSON               GET /api/live       the overview each second, as server-sent events
//     POST /api/...    actions
//
// Not here: who may ask (AdminGate), sockets (HTTPServer), what the numbers are (OverviewMaker).

import Foundation
import Platform
import Synchronization
import Telemetry

/// Opens the admin port's doors to the program.
package enum AdminPort {
    /// - Parameters:
    ///   - host: where to listen; it is also a name to be asked by.
    ///   - hostNames: further ones.
    ///   - token: what actions need; nil: there are none.
    package static func make(
        host: String, port: Int, hostNames: [String], token: String?, source: AdminSource
    ) -> HTTPServer {
        let gate = AdminGate(hostNames: hostNames + [host.lowercased()], token: token)
        return HTTPServer(host: host, port: port, desk: AdminDesk(gate: gate, source: source))
    }
}

final class AdminDesk: HTTPDesk {
    private let gate: AdminGate
    private let source: AdminSource
    private let maker: Mutex<OverviewMaker>

    private static let ringPlaceCount = 720
    private static let keyBytesMax = 2_048
    private static let countDefault = 100

    init(gate: AdminGate, source: AdminSource) {
        self.gate = gate
        self.source = source
        maker = Mutex(OverviewMaker(source: source, hasActions: gate.token != nil))
    }

    func tick() { maker.withLock { $0.tick() } }

    func news() -> [UInt8]? { Self.event(Self.encoded(overview())) }

    func answer(_ request: HTTPRequest) -> HTTPResponse {
        if let refusal = gate.refusal(of: request) { return refusal }
        if request.method == "POST" { return act(request) }
        switch request.path.first {
        case nil: return HTTPResponse(.ok, type: "text/html; charset=utf-8", PackageResources.page_html)
        case "page.css": return HTTPResponse(.ok, type: "text/css; charset=utf-8", PackageResources.page_css)
        case "page.js":
            return HTTPResponse(.ok, type: "text/javascript; charset=utf-8", PackageResources.page_js)
        case "healthz" where request.path.count == 1: return HTTPResponse(.ok, "ok")
        case "readyz" where request.path.count == 1: return readiness()
        case "metrics" where request.path.count == 1: return metrics()
        case "api": return answerAPI(request)
        default: return Self.nothingHere
        }
    }

    private static let nothingHere = HTTPResponse(.notFound, "there is nothing here; see /, /metrics and /api/overview")

    private func readiness() -> HTTPResponse {
        guard let reason = OverviewMaker.whyNotReady(source.pools()) else { return HTTPResponse(.ok, "ready") }
        return HTTPResponse(.unavailable, "not ready: \(reason)")
    }

    private func metrics() -> HTTPResponse {
        let counters = source.counters()
        let text = PrometheusPage.render(
            counters.snapshot(), workers: counters.workers(), counters.latencies(), layout: counters.layout,
            facts: source.facts())
        return HTTPResponse(.ok, type: "text/plain; version=0.0.4; charset=utf-8", Array(text.utf8))
    }

    // MARK: Reading

    private func overview() -> Overview { maker.withLock { $0.overview() } }

    private func answerAPI(_ request: HTTPRequest) -> HTTPResponse {
        guard request.path.count == 2 else { return Self.nothingHere }
        switch request.path[1] {
        case "overview": return json(overview())
        case "history": return json(maker.withLock { $0.moments })
        case "live": return HTTPResponse(streamBeginningWith: Self.event(Self.encoded(overview())))
        case "hotkeys": return json(source.hotKeys())
        case "slowlog": return json(overview().slowLog)
        case "events":
            let count = request.queryText("count").flatMap { Int($0) } ?? Self.countDefault
            return json(
                source.events(max(0, count)).map {
                    Overview.Happening(atMs: $0.atMs, subject: $0.subject, text: $0.text)
                })
        case "route": return route(request)
        case "ring": return ring(request)
        default: return Self.nothingHere
        }
    }

    /// The pool of the request; the only one may be left out.
    private func pool(_ request: HTTPRequest) -> Result<String, HTTPRefusal> {
        let names = source.counters().layout.pools.map(\.name)
        let known = names.joined(separator: ", ")
        guard let wanted = request.queryText("pool") ?? (names.count == 1 ? names[0] : nil) else {
            return .failure(HTTPRefusal(.badRequest, "which pool? Give ?pool= and one of: \(known)"))
        }
        guard names.contains(wanted) else {
            return .failure(HTTPRefusal(.notFound, "there is no pool \(wanted); there are \(known)"))
        }
        return .success(wanted)
    }

    private func route(_ request: HTTPRequest) -> HTTPResponse {
        switch pool(request) {
        case .failure(let refusal): return problem(refusal)
        case .success(let pool):
            guard let key = request.query("key"), key.count <= Self.keyBytesMax else {
                return problem(HTTPRefusal(.badRequest, "give ?key=, at most \(Self.keyBytesMax) bytes"))
            }
            guard let route = source.route(pool, key) else {
                return problem(HTTPRefusal(.conflict, "pool \(pool) gives a key to no certain shard"))
            }
            return json(route)
        }
    }

    private struct RingPlaces: Encodable {
        let pool: String
        let owners: [Int]
    }

    private func ring(_ request: HTTPRequest) -> HTTPResponse {
        switch pool(request) {
        case .failure(let refusal): return problem(refusal)
        case .success(let pool):
            return json(RingPlaces(pool: pool, owners: source.ring(pool, Self.ringPlaceCount) ?? []))
        }
    }

    // MARK: Acting

    private func act(_ request: HTTPRequest) -> HTTPResponse {
        let path = request.path
        if path == ["api", "log-level"] {
            let wanted = request.queryText("level") ?? ""
            return answer(source.setLogLevel(wanted), otherwise: "there is no log level '\(wanted)'")
        }
        if path == ["api", "reload"] {
            let outcome = source.reload(request.queryText("allow-remap") == "yes")
            return json(Done(done: outcome.isDone, text: outcome.text), outcome.isDone ? .ok : .conflict)
        }
        if path.count == 6, path[0] == "api", path[1] == "pools", path[3] == "shards",
            let action = AdminSource.ShardAction(rawValue: path[5])
        {
            let outcome = source.act(action, path[2], path[4])
            return answer(outcome, otherwise: "there is no shard \(path[4]) in pool \(path[2])")
        }
        return problem(HTTPRefusal(.notFound, "there is no such action"))
    }

    private struct Done: Encodable {
        let done: Bool
        let text: String
    }

    private func answer(_ outcome: AdminSource.Outcome?, otherwise: String) -> HTTPResponse {
        guard let outcome else { return problem(HTTPRefusal(.notFound, otherwise)) }
        return json(Done(done: outcome.isDone, text: outcome.text), outcome.isDone ? .ok : .conflict)
    }

    // MARK: JSON

    private struct HTTPRefusal: Error {
        let status: HTTPStatus
        let text: String

        init(_ status: HTTPStatus, _ text: String) {
            self.status = status
            self.text = text
        }
    }

    private func problem(_ refusal: HTTPRefusal) -> HTTPResponse {
        json(Done(done: false, text: refusal.text), refusal.status)
    }

    private func json(_ value: some Encodable, _ status: HTTPStatus = .ok) -> HTTPResponse {
        HTTPResponse(status, type: "application/json", Self.encoded(value) + [10])
    }

    private static func encoded(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { preconditionFailure("AdminDesk: JSON of no known form") }
        return Array(data)
    }

    /// One line, as JSON has no raw line feeds.
    private static func event(_ json: [UInt8]) -> [UInt8] { Array("data: ".utf8) + json + [10, 10] }
}
