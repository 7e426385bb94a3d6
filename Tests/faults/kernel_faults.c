/* kernel_faults: a kernel that refuses calls now and then, for a program that is started with this loaded.
 *
 *     cc -O2 -shared -fPIC -o kernel_faults.so kernel_faults.c
 *     KERNEL_FAULTS_FILE=faults LD_PRELOAD=./kernel_faults.so keyway -c keyway.yml
 *
 * The file holds a `struct faults`, which the program maps. Whoever writes it decides at any time which call fails, how
 * often and with which error, and reads how often it did. The rule: a call that fails has done nothing.
 * Not here: what the program should make of it (Tests/EndToEndTests/KernelFaultTests.swift).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The order of `KernelCall` in KernelFaults.swift. */
enum call { SEND, RECEIVE, ACCEPT, SOCKET, CONNECT, WATCH, WAIT, CALL_COUNT };

struct fault {
    _Atomic uint64_t odds; /* of 65,536 */
    _Atomic uint64_t error;
    _Atomic uint64_t failures; /* so far */
};

struct faults {
    _Atomic uint64_t seed;
    struct fault of[CALL_COUNT];
};

static struct faults none;
static struct faults *faults = &none;
static _Atomic uint64_t thread_count;
static __thread uint64_t random_state;

/* SplitMix64, one sequence a thread. */
static uint64_t random_bits(void) {
    if (!random_state) random_state = faults->seed + (++thread_count << 32);
    uint64_t bits = random_state += 0x9e3779b97f4a7c15;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
}

static int fails(enum call call) {
    struct fault *fault = &faults->of[call];
    uint64_t odds = fault->odds;
    if (odds == 0 || (random_bits() & 0xffff) >= odds) return 0;
    fault->failures++;
    errno = (int)fault->error;
    return 1;
}

#define LIBRARY(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags) {
    return fails(ACCEPT) ? -1 : LIBRARY(accept4)(listener, address, size, flags);
}

int socket(int domain, int type, int protocol) { return fails(SOCKET) ? -1 : LIBRARY(socket)(domain, type, protocol); }

int connect(int descriptor, const struct sockaddr *address, socklen_t size) {
    return fails(CONNECT) ? -1 : LIBRARY(connect)(descriptor, address, size);
}

int epoll_ctl(int poller, int operation, int descriptor, struct epoll_event *event) {
    if (operation == EPOLL_CTL_ADD && fails(WATCH)) return -1;
    return LIBRARY(epoll_ctl)(poller, operation, descriptor, event);
}

int epoll_wait(int poller, struct epoll_event *events, int count, int timeout_ms) {
    return fails(WAIT) ? -1 : LIBRARY(epoll_wait)(poller, events, count, timeout_ms);
}

/* Keyway sends and receives by this one. No call has more than six arguments. */
long syscall(long number, ...) {
    if ((number == SYS_sendto || number == SYS_sendmsg) && fails(SEND)) return -1;
    if (number == SYS_recvfrom && fails(RECEIVE)) return -1;
    va_list list;
    va_start(list, number);
    long arguments[6];
    for (int index = 0; index < 6; index++) arguments[index] = va_arg(list, long);
    va_end(list);
    return LIBRARY(syscall)(
        number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("KERNEL_FAULTS_FILE");
    if (!path) return;
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    void *page = MAP_FAILED;
    if (descriptor >= 0) page = mmap(NULL, sizeof(struct faults), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (page == MAP_FAILED) {
        perror("kernel_faults: KERNEL_FAULTS_FILE");
        _exit(1);
    }
    close(descriptor);
    faults = page;
}
