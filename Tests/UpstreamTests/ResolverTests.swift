import Dispatch
import Glibc
import Platform
import Synchronization
import TestKit
import Testing

@testable import Upstream

struct ResolverTests {
    private final class Answers: Sendable {
        private let seen = Mutex<[Int: [Result<SocketAddress, ResolveError>]]>([:])
        private let arrived = DispatchSemaphore(value: 0)

        func take(_ index: Int) -> Resolver.Answer {
            { answer in
                self.seen.withLock { $0[index, default: []].append(answer) }
                self.arrived.signal()
            }
        }

        /// - Returns: false when one did not come.
        func wait(_ count: Int) -> Bool {
            (0..<count).allSatisfy { _ in arrived.wait(timeout: .now() + 20) == .success }
        }

        func of(_ index: Int) -> [Result<SocketAddress, ResolveError>] { seen.withLock { $0[index] ?? [] } }
    }

    @Test func everyQuestionIsAnsweredOnceWithItsOwnAnswer() throws {
        let resolver = Resolver()
        let answers = Answers()
        _ = try concurrently(4) { thread in
            for index in 0..<100 {
                let number = thread * 100 + index
                resolver.resolve(.tcp(host: "127.0.0.1", port: 1_000 + number), answer: answers.take(number))
            }
        }
        #expect(answers.wait(400))
        for number in 0..<400 {
            #expect(try answers.of(number).map { try $0.get().text } == ["127.0.0.1:\(1_000 + number)"])
        }
    }

    /// The thread ends when nothing waits: a later question must start another.
    @Test func aResolverThatRestedWorksAgain() {
        let resolver = Resolver()
        let answers = Answers()
        for index in 0..<200 {
            resolver.resolve(.unix(path: "/run/\(index)"), answer: answers.take(index))
            guard answers.wait(1) else {
                Issue.record("question \(index) was not answered")
                return
            }
        }
    }

    @Test func whatCannotBeFoundIsAnErrorAndHoldsNobodyUp() {
        let resolver = Resolver()
        let answers = Answers()
        resolver.resolve(.unix(path: String(repeating: "x", count: 200)), answer: answers.take(0))
        resolver.resolve(.tcp(host: "", port: 1), answer: answers.take(1))
        resolver.resolve(.tcp(host: "::1", port: 1), answer: answers.take(2))
        #expect(answers.wait(3))
        for index in 0...1 { #expect(throws: ResolveError.self) { try answers.of(index)[0].get() } }
        #expect((try? answers.of(2)[0].get())?.text == "[::1]:1")
    }

    /// Goal: without a thread the question is answered all the same, and not a second time when there is one again.
    @Test func aQuestionWithoutAThreadIsAnsweredOnce() async {
        await #expect(processExitsWith: .success) {
            let resolver = Resolver()
            let answers = Answers()
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            var none = limit
            // No room for another stack.
            none.rlim_cur = 1
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &none)
            resolver.resolve(.unix(path: "/a"), answer: answers.take(0))
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            let first = answers.of(0)
            guard first.count == 1, case .failure = first[0] else { preconditionFailure("\(first)") }
            resolver.resolve(.unix(path: "/b"), answer: answers.take(1))
            while answers.of(1).isEmpty { precondition(answers.wait(1)) }
            precondition(answers.of(0).count == 1)
        }
    }
}
