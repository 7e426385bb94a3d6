import Platform
import Testing

@testable import Upstream

struct EndpointTests {
    @Test(arguments: [
        (Endpoint.tcp(host: "10.0.0.7", port: 6_379), "10.0.0.7:6379"), (.tcp(host: "::1", port: 1), "[::1]:1"),
        (.tcp(host: "cache.example", port: 1), "cache.example:1"),
        (.unix(path: "/run/valkey.sock"), "/run/valkey.sock"),
    ])
    func theTextIsWhatPeopleWrite(endpoint: Endpoint, text: String) { #expect(endpoint.text == text) }

    @Test func numbersAndPathsNeedNoLookUp() throws {
        for endpoint in [Endpoint.tcp(host: "127.0.0.1", port: 80), .tcp(host: "::1", port: 80), .unix(path: "/run/v")]
        {
            #expect(endpoint.numericAddress?.text == endpoint.text)
            #expect(try endpoint.resolve() == endpoint.numericAddress)
        }
        for host in ["localhost", "cache.example", ""] {
            #expect(Endpoint.tcp(host: host, port: 80).numericAddress == nil)
        }
    }

    @Test func aPathThatTheKernelDoesNotTakeIsAnError() {
        for path in [String(repeating: "x", count: 108), ""] {
            #expect(Endpoint.unix(path: path).numericAddress == nil)
            let error = #expect(throws: ResolveError.self) { try Endpoint.unix(path: path).resolve() }
            #expect(error?.host == path && error?.reason.contains("107 bytes") == true)
        }
    }
}
