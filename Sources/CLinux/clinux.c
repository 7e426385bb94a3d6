/* For dl_iterate_phdr and ppoll; never in the header, see there. */
#define _GNU_SOURCE
#include "clinux.h"
#include <link.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <time.h>

/* The segments of a program or library that nobody writes: their pages come back from the file when they are needed. */
static int give_back_segments(struct dl_phdr_info *object, size_t size_bytes, void *unused) {
    (void)size_bytes;
    (void)unused;
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
        uintptr_t start = object->dlpi_addr + segment->p_vaddr;
        uintptr_t end = (start + segment->p_memsz) & ~(page_bytes - 1);
        start = (start + page_bytes - 1) & ~(page_bytes - 1);
        if (start < end) madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void clinux_give_back_heap(void) { malloc_trim(0); }

void clinux_give_back_startup(void) {
    malloc_trim(0);
    dl_iterate_phdr(give_back_segments, 0);
}

long clinux_receive(int descriptor, void *bytes, size_t size_bytes) {
    return syscall(SYS_recvfrom, descriptor, bytes, size_bytes, 0, 0, 0);
}

long clinux_send(int descriptor, const void *bytes, size_t size_bytes) {
    return syscall(SYS_sendto, descriptor, bytes, size_bytes, MSG_NOSIGNAL, 0, 0);
}

long clinux_send_vectors(int descriptor, void *vectors, size_t count) {
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
    return syscall(SYS_sendmsg, descriptor, &message, MSG_NOSIGNAL);
}

long clinux_send_descriptor(int socket, const void *bytes, size_t size_bytes, int descriptor) {
    struct iovec vector = {(void *)bytes, size_bytes};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (descriptor >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof descriptor);
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

long clinux_receive_descriptor(int socket, void *bytes, size_t size_bytes, int *descriptor) {
    struct iovec vector = {bytes, size_bytes};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    *descriptor = -1;
    long count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (count < 0) return count;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
    return count;
}

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* Kernels before 5.11, and some sandboxes, need two calls for it. */
int clinux_epoll_wait_ns(int epoll, struct epoll_event *events, int count, uint64_t timeout_ns) {
    struct timespec timeout = {(time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000)};
    int ready = (int)syscall(SYS_epoll_pwait2, epoll, events, count, &timeout, (void *)0, (size_t)0);
    if (ready >= 0 || (errno != ENOSYS && errno != EPERM)) return ready;
    struct pollfd entry = {epoll, POLLIN, 0};
    if (ppoll(&entry, 1, &timeout, (void *)0) < 0) return -1;
    return epoll_wait(epoll, events, count, 0);
}
