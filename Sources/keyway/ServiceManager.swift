// ServiceManager: what systemd is told (sd_notify), and the sockets that it may have opened for us (LISTEN_FDS).
// Without systemd, nothing. The protocols are a datagram and two variables; see sd_notify(3) and sd_listen_fds(3).

import Glibc

enum ServiceManager {
    private static let firstDescriptor: Int32 = 3

    /// `READY=1` and the like, several with line feeds between them.
    static func tell(_ state: String) {
        guard let place = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), place.count > 1 else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // An @ stands for the NUL of an abstract name.
        let path = [place.hasPrefix("@") ? 0 : place.utf8.first!] + Array(place.utf8.dropFirst())
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                _ = sendto(descriptor, state, state.utf8.count, Int32(MSG_NOSIGNAL), name, size)
            }
        }
    }

    /// Listening sockets that were opened for this process, once; they do not block from now on.
    static func inheritedSockets() -> [Int32] {
        defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) } }
        guard let process = getenv("LISTEN_PID").flatMap({ Int32(String(cString: $0)) }), process == getpid(),
            let count = getenv("LISTEN_FDS").flatMap({ Int32(String(cString: $0)) }), (1...1_024).contains(count)
        else { return [] }
        return (firstDescriptor..<(firstDescriptor + count)).filter { descriptor in
            let flags = fcntl(descriptor, F_GETFL)
            return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0
                && fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        }
    }
}
