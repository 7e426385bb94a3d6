// PlacementSamples: the short ways in which these tests build placements and ask them.
import Foundation
import Hashing
import Testing

func makePlacement(
    _ distribution: Distribution = .ketama, _ hash: KeyHash = .fnv1a_64, charSign: CharSign = .signed,
    hashTag: String? = nil, of servers: [RingServer], excluding: Set<Int> = []
) -> Placement {
    Placement(
        distribution: distribution, hash: hash, charSign: charSign, hashTag: hashTag.flatMap { HashTag($0) },
        servers: servers, excluding: excluding)
}

/// `10.0.0.1:6379`, `10.0.0.2:6379` and so on.
func makeServers(_ weights: [Int]) -> [RingServer] {
    weights.enumerated().map { RingServer(name: "10.0.0.\($0.offset + 1):6379", weight: $0.element) }
}

/// The servers of the published example, in file order.
let publishedServers = [
    RingServer(name: "127.0.0.1:6380", weight: 1), RingServer(name: "127.0.0.1:6381", weight: 1),
    RingServer(name: "127.0.0.1:6382", weight: 2),
]

/// Hashes any key whole; a `random` pool, because it has a hash and no points to build.
func hashValue(_ hash: KeyHash, _ key: [UInt8], charSign: CharSign = .signed) -> UInt32 {
    makePlacement(.random, hash, charSign: charSign, of: makeServers([1, 1])).hashValue(of: key)
}

extension Placement {
    func server(_ key: [UInt8], random: UInt32 = 0) -> Int {
        let bytes = key + [0]  // Never without an address.
        return withExtendedLifetime(self) {
            bytes.withUnsafeBufferPointer {
                view.serverIndex(key: $0.baseAddress!, count: key.count, random: random)
            }
        }
    }

    func server(_ key: String) -> Int { server(Array(key.utf8)) }

    func serverName(_ key: String) -> String { servers[server(key)].name }

    func hashValue(of key: String) -> UInt32 { hashValue(of: Array(key.utf8)) }

    func slot(of key: String) -> Int { slot(of: Array(key.utf8)) }

    func pointCounts() -> [Int] { servers.indices.map { pointCount(ofServer: $0) } }
}

/// vectors.json: what twemproxy itself answers.
struct Vectors: Decodable {
    struct Ketama: Decodable {
        let points: Int
        let first8: [[UInt32]]
        let last2: [[UInt32]]
        let perServer: [Int]

        enum CodingKeys: String, CodingKey {
            case points, first8, last2
            case perServer = "per_server"
        }
    }

    /// By key, of which each character is one byte; then by hash.
    let hashSignedChar: [String: [String: UInt32]]
    let ketama: Ketama
    let assignments: [String: String]
    let modulaOrder: [String]

    enum CodingKeys: String, CodingKey {
        case hashSignedChar = "hash_signed_char"
        case ketama
        case assignments = "assign_fnv1a_64"
        case modulaOrder = "modula_order"
    }

    static func load() throws -> Vectors {
        let file = try #require(Bundle.module.url(forResource: "vectors", withExtension: "json"))
        return try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
    }
}
