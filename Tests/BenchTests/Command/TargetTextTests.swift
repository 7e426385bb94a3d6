import Testing

@testable import keyway_bench

struct TargetTextTests {
    @Test(arguments: [
        ("h:1", nil, Target.Place.tcp(host: "h", port: 1)), ("h", nil, .tcp(host: "h", port: 22_121)),
        ("[::1]:6379", nil, .tcp(host: "::1", port: 6379)), ("[::1]", nil, .tcp(host: "::1", port: 22_121)),
        ("a=h:65535", "a", .tcp(host: "h", port: 65_535)), ("/run/a=b.sock", nil, .unix(path: "/run/a=b.sock")),
        ("x=/run/s", "x", .unix(path: "/run/s")), ("./s", nil, .unix(path: "./s")),
        ("unix:/s", nil, .unix(path: "/s")),
    ])
    func placesArePlaces(_ text: String, _ label: String?, _ place: Target.Place) throws {
        let parsed = try TargetText.parse(text)
        #expect(parsed.label == label && parsed.place == place)
    }

    @Test(arguments: ["", ":1", "h:0", "h:65536", "h:x", "=h:1", "::1", "[::1", "[::1]6379", "h:-1", "a="])
    func whatIsNoPlaceIsRefusedWithItsText(_ text: String) {
        let error = #expect(throws: UsageError.self) { try TargetText.parse(text) }
        #expect(error?.description.contains(text) == true)
    }
}
