/* visible_locks: shows the thread sanitizer the locks that it cannot see.
 *
 *     clang -O2 -shared -fPIC -o visible_locks.so visible_locks.c
 *     LD_PRELOAD=./visible_locks.so a-program-built-with-sanitize=thread
 *
 * A Mutex of Swift's that is free is taken and given back by code that the compiler puts, and instruments, where it is
 * used. One for which two threads contend goes through the functions below, in a library that is not instrumented: the
 * sanitizer would take what is done under that lock for a race. The rule: each does what the library's own does, and
 * says so.
 * Not here: races that are to be overlooked. There are none: what threads share is a Mutex, an Atomic, or never written.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

/* Weak: the programs that build and start the tests are loaded with this too, and have no sanitizer. */
extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

typedef __attribute__((swiftcall)) void lock_function(uint32_t, __attribute__((swift_context)) void *);
typedef __attribute__((swiftcall)) void unlock_function(__attribute__((swift_context)) void *);

static lock_function *library_lock;
static unlock_function *library_unlock;

__attribute__((constructor)) static void start(void) {
    library_lock = (lock_function *)dlsym(RTLD_NEXT, LOCK);
    library_unlock = (unlock_function *)dlsym(RTLD_NEXT, UNLOCK);
}

__attribute__((swiftcall)) void visible_lock(uint32_t thread, __attribute__((swift_context)) void *lock) __asm__(LOCK);
__attribute__((swiftcall)) void visible_unlock(__attribute__((swift_context)) void *lock) __asm__(UNLOCK);

__attribute__((swiftcall)) void visible_lock(uint32_t thread, __attribute__((swift_context)) void *lock) {
    library_lock(thread, lock);
    if (__tsan_acquire) __tsan_acquire(lock);
}

__attribute__((swiftcall)) void visible_unlock(__attribute__((swift_context)) void *lock) {
    if (__tsan_release) __tsan_release(lock);
    library_unlock(lock);
}
