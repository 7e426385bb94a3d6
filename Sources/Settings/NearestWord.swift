// NearestWord: which known word a person probably meant.
// Distance counts insertions, deletions, substitutions and swaps of neighbours, each as one step.

/// The known word closest to `word`, if it is close enough to be worth proposing.
///
/// - Parameter words: on equal distance the earlier one wins.
/// - Returns: nil when even the closest differs by more than a third of the longer word's length (at least 1 step).
package func nearestWord(to word: String, in words: [String]) -> String? {
    let lengthMax = 64  // Longer than any word we know; keeps the cost of a hostile word small.
    let typed = Array(word.lowercased().unicodeScalars.prefix(lengthMax + 1))
    guard !typed.isEmpty, typed.count <= lengthMax else { return nil }
    var best: (word: String, distance: Int)?
    for candidate in words {
        let known = Array(candidate.unicodeScalars)
        let distance = editDistance(typed, known)
        guard distance <= max(1, max(typed.count, known.count) / 3), distance < known.count else { continue }
        if distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.word
}

/// Optimal string alignment distance; cost is the product of both lengths.
private func editDistance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
        var current = [i + 1]
        for j in b.indices {
            let substituted = previous[j] + (a[i] == b[j] ? 0 : 1)
            var steps = min(substituted, previous[j + 1] + 1, current[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { steps = min(steps, beforePrevious[j - 1] + 1) }
            current.append(steps)
        }
        beforePrevious = previous
        previous = current
    }
    return previous[b.count]
}
