// KernelCalls: the calls that only the C shim can make, under Swift names.
// They stand in a file of their own because a file that imports both CLinux and Glibc cannot show C types in its API.
// Not here: anything that Glibc's own module offers.

import CLinux

func lastErrorNumber() -> Int32 { clinux_errno() }

/// recv; negative on failure.
@inline(__always)
func receiveBytes(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    clinux_receive(descriptor, bytes, count)
}

/// send without SIGPIPE; negative on failure.
@inline(__always)
func sendBytes(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    clinux_send(descriptor, bytes, count)
}

/// sendmsg of an array of `iovec` without SIGPIPE; negative on failure.
@inline(__always)
func sendVectors(_ descriptor: Int32, _ vectors: UnsafeMutableRawPointer, _ count: Int) -> Int {
    clinux_send_vectors(descriptor, vectors, count)
}

/// sendmsg on a unix socket with a descriptor beside the bytes, or -1 for none; negative on failure.
func sendBytes(_ socket: Int32, _ bytes: UnsafeRawPointer, _ count: Int, beside descriptor: Int32) -> Int {
    clinux_send_descriptor(socket, bytes, count, descriptor)
}

/// recvmsg on a unix socket; `descriptor` becomes what came beside the bytes, or -1. Negative on failure.
func receiveBytes(
    _ socket: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int, beside descriptor: inout Int32
) -> Int {
    clinux_receive_descriptor(socket, bytes, count, &descriptor)
}

/// accept4 with a non-blocking, close-on-exec descriptor; negative on failure.
func acceptNonBlocking(_ listener: Int32, flags: Int32) -> Int32 { accept4(listener, nil, nil, flags) }

/// fcntl is variadic. Closed by exec; negative on failure.
func duplicateDescriptor(_ descriptor: Int32) -> Int32 { clinux_duplicate(descriptor) }

func setTimerSlack(nanoseconds: UInt) { clinux_set_timer_slack_ns(nanoseconds) }

func setThreadName(_ name: String) { clinux_set_thread_name(name) }

func affinityCoreCount() -> Int { Int(clinux_core_count()) }
