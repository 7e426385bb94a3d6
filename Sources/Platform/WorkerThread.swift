// WorkerThread: a plain thread with a name, and what a worker's thread needs of the kernel.
// Not here: what it runs.

package import Glibc

package enum WorkerThread {
    private final class Body {
        let name: String
        let run: () -> Void
        init(name: String, run: @escaping () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts `run` on a new thread. The name is cut at 15 bytes, as the kernel does.
    package static func start(name: String, run: @escaping @Sendable () -> Void) throws(SystemError) -> pthread_t {
        let body = Unmanaged.passRetained(Body(name: name, run: run))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                let body = Unmanaged<Body>.fromOpaque(context!).takeRetainedValue()
                setThreadName(String(body.name.prefix(15)))
                body.run()
                return nil
            }, body.toOpaque())
        guard result == 0 else {
            body.release()
            throw SystemError("pthread_create", result)
        }
        return thread
    }

    /// As above; nobody but the new thread has `value`.
    package static func start<Value: ~Copyable>(
        name: String, owning value: consuming Value, run: @escaping @Sendable (consuming Value) -> Void
    ) throws(SystemError) -> pthread_t {
        let handover = Handover(value)
        return try start(name: name) { run(handover.take()) }
    }

    /// What cannot be copied, on its way from one thread to another: given before the other starts, taken once.
    private final class Handover<Value: ~Copyable>: @unchecked Sendable {
        private var value: Value?
        init(_ value: consuming Value) { self.value = consume value }
        func take() -> Value { value.take()! }
    }

    package static func join(_ thread: pthread_t) { pthread_join(thread, nil) }

    /// Nobody will join it.
    package static func detach(_ thread: pthread_t) { pthread_detach(thread) }

    /// Naps of the calling thread then last as long as asked, and not 50 us longer.
    package static func setExactNaps() { setTimerSlack(nanoseconds: 1) }

    /// Raises the limit of open descriptors as far as the system allows.
    ///
    /// - Returns: the limit that holds now.
    package static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }

    /// Cores that this process may run on.
    package static var coreCount: Int { max(1, affinityCoreCount()) }
}
