/* relay: would it pay to pass long values through the proxy without a copy?
 *
 *     relay MODE BUFFER_BYTES MESSAGE_BYTES MESSAGES
 *
 * One thread passes messages from one loopback TCP connection to another and does nothing else, so
 * what it costs is what the kernel asks for moving the bytes:
 *
 *     source, CPU 0 ── message ──► relay, CPU 0 ── message ──► sink, CPU 1
 *                   ◄─── a byte ──              ◄─── a byte ──
 *
 * The byte that answers a message lets one message be under way at a time. MODE is one of
 *
 * copy      recv into a buffer, send from it: what the proxy does.
 * splice    splice(2) into a pipe that holds as much as the buffer, and out of it: pages change
 *           hands, bytes stay where they are.
 * zerocopy  recv into one of a few buffers, send with MSG_ZEROCOPY: the copy on the way out is
 *           saved, but a buffer is not free before the kernel says so in the socket's error queue.
 *           A kernel may copy after all, on loopback it does; it says that, too, and it is counted.
 *
 * Prints one line of JSON: CPU microseconds per message of each thread, wall time and system calls
 * of the relay per message, and how many zerocopy sends there were and how many of them were
 * copied. On loopback whoever sends also pays for what the receiver's side of TCP does, so relay
 * and source on one CPU are best read as a sum. The first messages are not counted.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 200, SINK_BYTES = 64 * 1024, SLOTS = 8, SENDS_MAX = 256 };

/* What the command line says. */
static size_t buffer_bytes, message_bytes;
static long message_count;

/* source ─► from │ to ─► sink; the relay's own two do not block. */
static int source, from, to, sink;

/* CPU microseconds of all counted messages. */
static double source_us, relay_us, sink_us;
static long calls;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void *memory_of(size_t size) {
    char *memory = malloc(size);
    if (!memory) fail("memory");
    return memset(memory, 'x', size); /* Page faults happen here and not while it is measured. */
}

static double now_us(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void pin(int cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) fail("pin");
}

/* How many bytes a call of the relay moved; 0 when it would have to wait. */
static size_t moved(ssize_t result, const char *what) {
    calls++;
    if (result > 0) return result;
    if (result == 0) errno = ECONNRESET;
    if (errno != EAGAIN) fail(what);
    return 0;
}

/* --- source and sink --- */

/* The first and the last byte of a message tell which one it is. */
static char stamp(long number) {
    return 'A' + number % 26;
}

static void *run_source(void *unused) {
    pin(0);
    char *message = memory_of(message_bytes), answer;
    double start = 0;
    for (long number = 0; number < WARM_UP + message_count; number++) {
        if (number == WARM_UP) start = now_us(CLOCK_THREAD_CPUTIME_ID);
        message[0] = message[message_bytes - 1] = stamp(number);
        for (size_t sent = 0; sent < message_bytes;) {
            ssize_t size = send(source, message + sent, message_bytes - sent, 0);
            if (size <= 0) fail("source: send");
            sent += size;
        }
        if (recv(source, &answer, 1, 0) != 1) fail("source: recv");
    }
    source_us = now_us(CLOCK_THREAD_CPUTIME_ID) - start;
    free(message);
    return unused;
}

static void *run_sink(void *unused) {
    pin(1);
    char *memory = memory_of(SINK_BYTES);
    double start = 0;
    for (long number = 0; number < WARM_UP + message_count; number++) {
        if (number == WARM_UP) start = now_us(CLOCK_THREAD_CPUTIME_ID);
        for (size_t received = 0; received < message_bytes;) {
            ssize_t size = recv(sink, memory, SINK_BYTES, 0);
            if (size <= 0) fail("sink: recv");
            bool is_first = received == 0, is_last = (received += size) == message_bytes;
            if ((is_first && memory[0] != stamp(number)) ||
                (is_last && memory[size - 1] != stamp(number))) {
                fprintf(stderr, "sink: message %ld is damaged\n", number);
                exit(1);
            }
        }
        if (send(sink, "k", 1, 0) != 1) fail("sink: send");
    }
    sink_us = now_us(CLOCK_THREAD_CPUTIME_ID) - start;
    free(memory);
    return unused;
}

/* --- zerocopy: who still uses which buffer --- */

/* A buffer, and how many sends from it the kernel has not yet completed. */
static struct slot {
    char *memory;
    int pending;
} slots[SLOTS];

/* The kernel numbers the zerocopy sends of a socket from 0; send n is at n % SENDS_MAX. */
static struct slot *slot_of_send[SENDS_MAX];
static uint32_t sends, warm_up_sends, completed, copied;

/* One notice is for all sends in [ee_info, ee_data]. */
static void complete(const struct sock_extended_err *notice) {
    if (notice->ee_origin != SO_EE_ORIGIN_ZEROCOPY || notice->ee_errno != 0) {
        fprintf(stderr, "relay: error %u in the error queue\n", notice->ee_errno);
        exit(1);
    }
    uint32_t count = notice->ee_data - notice->ee_info + 1;
    for (uint32_t index = 0; index < count; index++)
        slot_of_send[(notice->ee_info + index) % SENDS_MAX]->pending--;
    completed += count;
    if (notice->ee_code & SO_EE_CODE_ZEROCOPY_COPIED) copied += count;
}

/* Takes all notices that are in the error queue. */
static void reap(void) {
    for (;;) {
        char control[256];
        struct msghdr header = {.msg_control = control, .msg_controllen = sizeof control};
        calls++;
        if (recvmsg(to, &header, MSG_ERRQUEUE) < 0) {
            if (errno != EAGAIN) fail("error queue");
            return;
        }
        struct cmsghdr *part = CMSG_FIRSTHDR(&header);
        for (; part; part = CMSG_NXTHDR(&header, part))
            if (part->cmsg_level == SOL_IP && part->cmsg_type == IP_RECVERR)
                complete((const struct sock_extended_err *)CMSG_DATA(part));
    }
}

/* Sleeps until there is something to do. A notice ends any wait, until it is taken. */
static void wait_for(int descriptor, short events) {
    struct pollfd entry = {.fd = descriptor, .events = events};
    calls++;
    if (poll(&entry, 1, -1) < 0) fail("poll");
    if (descriptor == to && entry.revents & POLLERR) reap();
}

static struct slot *free_slot(void) {
    static unsigned next;
    struct slot *slot = &slots[next++ % SLOTS];
    if (slot->pending) reap();
    while (slot->pending) wait_for(to, 0);
    return slot;
}

/* --- the three ways to pass a message --- */

static void pass_by_copy(void) {
    static char *memory;
    if (!memory) memory = memory_of(buffer_bytes);
    for (size_t passed = 0; passed < message_bytes;) {
        size_t held = moved(recv(from, memory, buffer_bytes, 0), "relay: recv");
        if (!held) wait_for(from, POLLIN);
        for (size_t sent = 0; sent < held;) {
            size_t size = moved(send(to, memory + sent, held - sent, 0), "relay: send");
            if (!size) wait_for(to, POLLOUT);
            sent += size;
        }
        passed += held;
    }
}

static void open_pipe(int *ends) {
    if (pipe2(ends, O_NONBLOCK) != 0) fail("pipe");
    if (fcntl(ends[1], F_SETPIPE_SZ, (int)buffer_bytes) < 0) fail("size of the pipe");
}

/* A pipe counts pieces of pages, so it may be full with fewer bytes than it has memory for. */
static void pass_by_splice(void) {
    static int ends[2];
    if (!ends[1]) open_pipe(ends);
    const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
    for (size_t in = 0, out = 0; out < message_bytes;) {
        size_t room = buffer_bytes - (in - out), missing = message_bytes - in;
        if (room > missing) room = missing;
        if (room) in += moved(splice(from, NULL, ends[1], NULL, room, flags), "relay: splice in");
        if (in == out) {
            wait_for(from, POLLIN);
            continue;
        }
        size_t size = moved(splice(ends[0], NULL, to, NULL, in - out, flags), "relay: splice out");
        if (!size) wait_for(to, POLLOUT);
        out += size;
    }
}

/* One send; how many bytes it took. ENOBUFS: there are more notices than a socket may hold. */
static size_t send_from(struct slot *slot, size_t start, size_t end) {
    while (sends - completed == SENDS_MAX) wait_for(to, 0);
    ssize_t result = send(to, slot->memory + start, end - start, MSG_ZEROCOPY);
    if (result < 0 && errno == ENOBUFS) {
        calls++;
        wait_for(to, 0);
        return 0;
    }
    size_t size = moved(result, "relay: send");
    if (size) {
        slot_of_send[sends++ % SENDS_MAX] = slot;
        slot->pending++;
    } else {
        wait_for(to, POLLOUT);
    }
    return size;
}

static void pass_by_zerocopy(void) {
    for (size_t index = 0; !slots[SLOTS - 1].memory; index++)
        slots[index].memory = memory_of(buffer_bytes);
    for (size_t passed = 0; passed < message_bytes;) {
        struct slot *slot = free_slot();
        size_t held = moved(recv(from, slot->memory, buffer_bytes, 0), "relay: recv");
        if (!held) wait_for(from, POLLIN);
        for (size_t sent = 0; sent < held;) sent += send_from(slot, sent, held);
        passed += held;
    }
}

/* --- the relay --- */

static const struct mode {
    const char *name;
    void (*pass)(void);
} modes[] = {
    {"copy", pass_by_copy}, {"splice", pass_by_splice}, {"zerocopy", pass_by_zerocopy}, {0}};

static void pass_answer(void) {
    char answer;
    while (!moved(recv(to, &answer, 1, 0), "relay: recv of the answer")) wait_for(to, POLLIN);
    if (!moved(send(from, &answer, 1, 0), "relay: send of the answer")) fail("no room for a byte");
}

/* Returns: the wall time of all counted messages. */
static double run_relay(const struct mode *mode) {
    double start = 0, wall_start = 0;
    for (long number = 0; number < WARM_UP + message_count; number++) {
        if (number == WARM_UP) {
            while (completed != sends) wait_for(to, 0);
            calls = copied = 0;
            warm_up_sends = sends;
            start = now_us(CLOCK_THREAD_CPUTIME_ID);
            wall_start = now_us(CLOCK_MONOTONIC);
        }
        mode->pass();
        pass_answer();
    }
    while (completed != sends) wait_for(to, 0);
    relay_us = now_us(CLOCK_THREAD_CPUTIME_ID) - start;
    return now_us(CLOCK_MONOTONIC) - wall_start;
}

/* Two ends of a loopback TCP connection. */
static void connect_ends(int *near, int *far) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)&address;
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (bind(listener, any, size) != 0 || listen(listener, 1) != 0) fail("listen");
    getsockname(listener, any, &size);
    *near = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(*near, any, size) != 0) fail("connect");
    if ((*far = accept(listener, NULL, NULL)) < 0) fail("accept");
    close(listener);
    setsockopt(*near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(*far, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static const struct mode *mode_named(const char *name) {
    const struct mode *mode = modes;
    while (mode->name && strcmp(mode->name, name) != 0) mode++;
    return mode->name ? mode : NULL;
}

int main(int count, char **words) {
    const struct mode *mode = count == 5 ? mode_named(words[1]) : NULL;
    if (mode) {
        buffer_bytes = strtoul(words[2], NULL, 10);
        message_bytes = strtoul(words[3], NULL, 10);
        message_count = strtol(words[4], NULL, 10);
    }
    if (!buffer_bytes || !message_bytes || message_count < 1) {
        fprintf(stderr, "usage: relay copy|splice|zerocopy BUFFER_BYTES MESSAGE_BYTES MESSAGES\n");
        return 2;
    }
    connect_ends(&source, &from);
    connect_ends(&to, &sink);
    int one = 1;
    if (mode->pass == pass_by_zerocopy &&
        setsockopt(to, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one) != 0) fail("SO_ZEROCOPY");
    fcntl(from, F_SETFL, O_NONBLOCK);
    fcntl(to, F_SETFL, O_NONBLOCK);
    pin(0);
    pthread_t others[2];
    if (pthread_create(&others[0], NULL, run_source, NULL) != 0 ||
        pthread_create(&others[1], NULL, run_sink, NULL) != 0) fail("threads");
    double wall_us = run_relay(mode), per = 1.0 / message_count;
    for (int index = 0; index < 2; index++) pthread_join(others[index], NULL);
    printf("{\"mode\": \"%s\", \"buffer_bytes\": %zu, \"message_bytes\": %zu, \"messages\": %ld, "
           "\"relay_us\": %.3f, \"source_us\": %.3f, \"sink_us\": %.3f, \"wall_us\": %.3f, "
           "\"calls\": %.2f, \"zerocopy_sends\": %u, \"zerocopy_copied\": %u}\n",
           mode->name, buffer_bytes, message_bytes, message_count, relay_us * per, source_us * per,
           sink_us * per, wall_us * per, calls * per, sends - warm_up_sends, copied);
    return 0;
}
