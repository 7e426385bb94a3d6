#ifndef CLINUX_H
#define CLINUX_H
/* What Swift's Glibc module cannot import: epoll, eventfd, accept4 and variadic calls. No logic of ours lives here.
 * Never define _GNU_SOURCE in this header: fd_set would then differ from the Glibc module's and debug builds fail. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* Declared by glibc only under _GNU_SOURCE. */
extern int accept4(int, struct sockaddr *, socklen_t *, int);

static inline int clinux_errno(void) { return errno; }

/* The calls of the data path, past glibc's own functions: those are points where a thread can be cancelled, and in a
 * process with threads they pay two atomic instructions for it on every call. `vectors` are iovecs, untyped, so that
 * Swift files that use Glibc's struct need not import this module. */
long clinux_receive(int descriptor, void *bytes, size_t size_bytes);
long clinux_send(int descriptor, const void *bytes, size_t size_bytes);
long clinux_send_vectors(int descriptor, void *vectors, size_t count);

/* One send or receive on a unix socket, with a descriptor beside the bytes, or -1 for none. A received one is closed
 * by exec. The control message's macros and flags are for C only. */
long clinux_send_descriptor(int socket, const void *bytes, size_t size_bytes, int descriptor);
long clinux_receive_descriptor(int socket, void *bytes, size_t size_bytes, int *descriptor);

/* prctl is variadic. Without this a nap lasts 50 us longer than asked. */
static inline int clinux_set_timer_slack_ns(unsigned long slack_ns) {
    return prctl(PR_SET_TIMERSLACK, slack_ns, 0, 0, 0);
}

static inline int clinux_duplicate(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, 0); }

static inline int clinux_set_thread_name(const char *name) {
    return prctl(PR_SET_NAME, name, 0, 0, 0);
}

/* Cores in this thread's affinity mask; the glibc wrapper is declared only under _GNU_SOURCE. */
static inline int clinux_core_count(void) {
    unsigned long mask[128];
    long size_bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    int count = 0;
    for (long i = 0; i < size_bytes / (long)sizeof mask[0]; i++) count += __builtin_popcountl(mask[i]);
    return count;
}

/* In lastwords.c. */
void clinux_install_last_words(void);
void clinux_last_words_go_to(int descriptor);

/* Frees what is cached of the heap, and unmaps the pages of code and constants until they are used again. */
void clinux_give_back_startup(void);
void clinux_give_back_heap(void);

/* MAP_FAILED is a cast that Swift does not import. */
static inline void *clinux_map_pages(size_t size_bytes) {
    void *pages = mmap(0, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? (void *)0 : pages;
}

/* epoll_wait to the nanosecond. Defined in clinux.c, out of the way of Glibc's types. */
int clinux_epoll_wait_ns(int epoll, struct epoll_event *events, int count, uint64_t timeout_ns);

#include "child.h"
#endif
