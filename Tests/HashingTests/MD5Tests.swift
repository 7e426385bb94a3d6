import Foundation
import Hashing
import Testing

private func hexDigest(_ message: [UInt8]) -> String {
    let digest = (message + [0xee]).withUnsafeBufferPointer { MD5.digest($0.baseAddress!, count: message.count) }
    return (0..<16).map { String(format: "%02x", (digest[$0 / 4] >> UInt32(8 * ($0 % 4))) & 0xff) }.joined()
}

@Test(arguments: [
    ("", "d41d8cd98f00b204e9800998ecf8427e"),
    ("a", "0cc175b9c0f1b6a831c399e269772661"),
    ("abc", "900150983cd24fb0d6963f7d28e17f72"),
    ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
    ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"),
    (String(repeating: "1234567890", count: 8), "57edf4a22be3c955ac49da2e2107b67a"),
])
func digestsOfTheRFCAgree(message: String, digest: String) {
    #expect(hexDigest(Array(message.utf8)) == digest)
}

/// Goal: padding is right on both sides of every block border.
/// Method: byte i of a message of n bytes is (7i + n) mod 256; digests from another implementation.
@Test(
    arguments: [
        (0, "d41d8cd98f00b204e9800998ecf8427e"),
        (1, "55a54008ad1ba589aa210d2629c1df41"),
        (3, "c9aee4810523ef8658121b8d492c6b41"),
        (4, "7b31cea375d4e548ef05d513710c9b32"),
        (54, "c6c0fc662f5f7f53209bd2676b345662"),
        (55, "f1289732253518750e22b62a571a1748"),
        (56, "179e3b9fa272a23e2a8b32bde1015414"),
        (57, "d5f0a59aa9d6d8164d3754fb91f67809"),
        (60, "2591108aff8fb810320f8a04e7d2b18d"),
        (62, "f3b2082af4e3f1fb1b9ff5a2108ff0f6"),
        (63, "dd785945d1d6b87eca0d276dbb8756fd"),
        (64, "e3ab394ce4eb7da020a27d2e2443143c"),
        (65, "28a6b0f918d9aea03e979a1657d8d0f6"),
        (111, "d54c1b85b05a0800af2c6d01394f0421"),
        (119, "d49720530a386a3191eac0dc840dd1bd"),
        (120, "8a440004b569286a42c722295ce1c5a6"),
        (121, "1f6329f06fb62076bef2278b7007e60f"),
        (127, "36d03458e8a745e61afcf02257826e12"),
        (128, "52cc29caecfd9380a2261a80c58e6787"),
        (129, "0fa5eac15b498f879494809c74939fc7"),
        (183, "e9f525589145227d3957ad4759c9744a"),
        (184, "6b12fc99080a2f7a6c26ac4a40b00f87"),
        (1000, "c3b2968d34e038455d14c8827156e193"),
    ])
func digestsAroundBlockBordersAgree(count: Int, digest: String) {
    #expect(hexDigest((0..<count).map { UInt8(($0 * 7 + count) % 256) }) == digest)
}
