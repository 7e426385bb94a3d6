// PoolChoice: which pool of a config a subcommand means: the one that --pool names, or the only one.

import Settings

struct PoolChoice {
    /// Who asks, for messages.
    let command: String
    /// Of --pool.
    let pool: String?

    func chosen(of pools: [PoolLayout]) throws(RouteError) -> PoolLayout {
        let names = pools.map(\.settings.name).joined(separator: ", ")
        if let pool {
            guard let chosen = pools.first(where: { $0.settings.name == pool }) else {
                throw RouteError(description: "keyway \(command): there is no pool \(pool); the file has \(names)")
            }
            return chosen
        }
        guard pools.count == 1 else {
            throw RouteError(description: "keyway \(command): which pool? Give --pool and one of: \(names)")
        }
        return pools[0]
    }
}
