// Succession: one Keyway process starts the next, which takes its place: on SIGUSR2 the program is started anew from
// where it lay when this process began, with the same arguments, and finds the socket to the older one by a variable.
// The newer one may be another version, and may have another config: it reads the file as it is then.
// Not here: what the two say to each other (Session/Handover), what each does in which order (Service).

import Glibc
import Platform
import Session

enum Succession {
    /// Tells the newer process the descriptor of its socket to the older one.
    static let variable = "KEYWAY_HANDOVER"
    /// So long the newer process may take until it serves.
    static let readyTimeoutS = 60

    static var isSuccessor: Bool { getenv(variable) != nil }

    /// In the newer process, once: the way to the older one; nil when nobody is to be succeeded.
    static func predecessor() -> Handover? {
        guard let text = getenv(variable) else { return nil }
        unsetenv(variable)
        guard let descriptor = Int32(String(cString: text)), fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
            return nil
        }
        return Handover(socket: descriptor)
    }

    /// Where this program lies. To be asked at the start: a package that replaces it moves the old file away.
    static func programPath() -> String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        guard count > 0 else { return "/proc/self/exe" }
        return String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The newer process, as the older one sees it.
    struct Successor {
        let processID: pid_t
        let handover: Handover

        /// It has not come to serve.
        ///
        /// - Returns: how it ended.
        func end() -> String {
            kill(processID, SIGKILL)
            var status: Int32 = 0
            while waitpid(processID, &status, 0) < 0 && errno == EINTR {}
            let signal = status & 0x7f
            return signal == 0 ? "exit code \((status >> 8) & 0xff)" : "signal \(signal)"
        }
    }

    /// In the older process: starts the newer one.
    static func start(program: String) throws(SystemError) -> Successor {
        let (ours, theirs) = try DescriptorChannel.pair()
        defer { Socket.close(theirs) }
        let handover = Handover(socket: ours)
        handover.setTimeout(seconds: readyTimeoutS)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Onto itself: the copy stays open in the program.
        posix_spawn_file_actions_adddup2(&actions, theirs, theirs)

        var variables: [UnsafeMutablePointer<CChar>?] = [strdup("\(variable)=\(theirs)")]
        defer { free(variables[0]) }
        var next = environ
        while let entry = next.pointee {
            variables.append(entry)
            next += 1
        }
        variables.append(nil)
        var processID: pid_t = 0
        let result = posix_spawn(&processID, program, &actions, nil, CommandLine.unsafeArgv, variables)
        guard result == 0 else { throw SystemError("start \(program)", result) }
        return Successor(processID: processID, handover: handover)
    }
}
