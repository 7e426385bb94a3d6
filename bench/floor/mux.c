/* mux: the floor under every proxy of this kind: one thread, one epoll loop, one shared connection per server.
 *
 *     mux PORT SERVER_PORT...        all on 127.0.0.1, at most 64 servers
 *
 * It reads of a request only where it ends and which key it has, picks the server by CRC-16 modulo their number, and
 * gives replies back in each client's order. It has no timeouts, limits, errors, merges or counters; a server that goes
 * away ends it. Whoever costs less per request has found a better way to use the kernel, not a shorter path.
 *
 * In one turn: receive from all that are ready, then one send per server, then one send per client.
 *
 *     client.in ─► request ─► server.out          server.waiting: who gets the next reply, first in, first out
 *     client.out ◄─ client.places, in order ◄─ reply ◄─ server.in
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { SERVERS_MAX = 64, EVENTS_MAX = 512, READ_BYTES = 128 * 1024 };

/* Bytes [start, end) of a run of memory. */
struct bytes {
    char *memory;
    size_t start, end, capacity;
};

/* A ring of entries whose size is a power of two; head and tail only grow. */
struct ring {
    void *entries;
    uint32_t head, tail, capacity;
};

/* A request that waits for its reply: the place is `number` in the client's own ring. */
struct ticket {
    struct peer *client;
    uint32_t number;
};

/* A reply that came before its turn; memory is NULL until it comes. */
struct place {
    char *memory;
    size_t size;
};

struct peer {
    int descriptor;
    bool is_server, is_dirty, is_full, is_closed;
    struct bytes in, out;
    struct ring queue;     /* a server's tickets, a client's places */
    uint32_t unanswered;   /* tickets that name this client */
    struct peer *next;     /* in the list of dirty ones */
};

static int poller;
static struct peer *servers[SERVERS_MAX];
static int server_count;
static struct peer *dirty_servers, *dirty_clients;
static uint16_t crc_table[256];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void *taken(void *memory) {
    if (!memory) fail("memory");
    return memory;
}

/* --- bytes and rings --- */

static char *room(struct bytes *bytes, size_t size) {
    if (bytes->capacity - bytes->end >= size) return bytes->memory + bytes->end;
    size_t held = bytes->end - bytes->start;
    if (bytes->capacity < held + size) {
        size_t capacity = bytes->capacity ? bytes->capacity : 1024;
        while (capacity < held + size) capacity *= 2;
        char *memory = taken(malloc(capacity));
        if (held) memcpy(memory, bytes->memory + bytes->start, held);
        free(bytes->memory);
        bytes->memory = memory;
        bytes->capacity = capacity;
    } else if (held) {
        memmove(bytes->memory, bytes->memory + bytes->start, held);
    }
    bytes->start = 0;
    bytes->end = held;
    return bytes->memory + held;
}

static void append(struct bytes *bytes, const char *data, size_t size) {
    memcpy(room(bytes, size), data, size);
    bytes->end += size;
}

static void drop(struct bytes *bytes, size_t size) {
    bytes->start += size;
    if (bytes->start == bytes->end) bytes->start = bytes->end = 0;
}

static void *entry(struct ring *ring, uint32_t number, size_t size) {
    return (char *)ring->entries + (number & (ring->capacity - 1)) * size;
}

static void *push(struct ring *ring, size_t size) {
    if (ring->tail - ring->head == ring->capacity) {
        struct ring wider = *ring;
        wider.capacity = ring->capacity ? ring->capacity * 2 : 4;
        wider.entries = taken(malloc(wider.capacity * size));
        for (uint32_t number = ring->head; number != ring->tail; number++)
            memcpy(entry(&wider, number, size), entry(ring, number, size), size);
        free(ring->entries);
        *ring = wider;
    }
    return entry(ring, ring->tail++, size);
}

/* --- RESP --- */

/* The number behind a type byte, and what follows its CR LF; NULL when that is not here yet. */
static const char *length(const char *at, const char *end, long *number) {
    const char *line_end = at < end ? memchr(at, '\n', end - at) : NULL;
    if (!line_end) return NULL;
    *number = strtol(at + 1, NULL, 10);
    return line_end + 1;
}

/* Where the request ends; NULL when it is not all here. The key is the second element. */
static const char *request_end(const char *at, const char *end, const char **key, size_t *key_size) {
    long count, size;
    *key_size = 0;
    if (!(at = length(at, end, &count))) return NULL;
    for (long index = 0; index < count; index++) {
        const char *body = length(at, end, &size);
        if (!body || end - body < size + 2) return NULL;
        if (index == 1) {
            *key = body;
            *key_size = size;
        }
        at = body + size + 2;
    }
    return at;
}

static const char *reply_end(const char *at, const char *end) {
    long number;
    if (at >= end) return NULL;
    char kind = *at;
    if (!(at = length(at, end, &number))) return NULL;
    if (kind == '$' && number >= 0) return end - at >= number + 2 ? at + number + 2 : NULL;
    if (kind == '*')
        while (at && number-- > 0) at = reply_end(at, end);
    return at;
}

static struct peer *server_of(const char *key, size_t size) {
    uint16_t hash = 0;
    for (size_t index = 0; index < size; index++)
        hash = (uint16_t)(hash << 8) ^ crc_table[(uint8_t)(hash >> 8) ^ (uint8_t)key[index]];
    return servers[hash % server_count];
}

/* --- the way of a request and of its reply --- */

static void mark(struct peer *peer) {
    struct peer **list = peer->is_server ? &dirty_servers : &dirty_clients;
    if (peer->is_dirty || peer->is_closed) return;
    peer->is_dirty = true;
    peer->next = *list;
    *list = peer;
}

static const char *take_requests(struct peer *client, const char *at, const char *end) {
    const char *key = NULL, *next;
    size_t key_size;
    while ((next = request_end(at, end, &key, &key_size))) {
        struct peer *server = server_of(key, key_size);
        append(&server->out, at, next - at);
        mark(server);
        struct ticket *ticket = push(&server->queue, sizeof *ticket);
        *ticket = (struct ticket){client, client->queue.tail};
        *(struct place *)push(&client->queue, sizeof(struct place)) = (struct place){NULL, 0};
        client->unanswered++;
        at = next;
    }
    return at;
}

static void answer(struct peer *client, uint32_t number, const char *data, size_t size) {
    struct ring *places = &client->queue;
    if (number != places->head) {
        struct place *place = entry(places, number, sizeof *place);
        place->memory = memcpy(taken(malloc(size)), data, size);
        place->size = size;
        return;
    }
    append(&client->out, data, size);
    places->head++;
    while (places->head != places->tail) {
        struct place *place = entry(places, places->head, sizeof *place);
        if (!place->memory) break;
        append(&client->out, place->memory, place->size);
        free(place->memory);
        places->head++;
    }
    mark(client);
}

/* Frees a closed client once nobody points at it any more. */
static void bury(struct peer *client) {
    if (!client->is_closed || client->is_dirty || client->unanswered > 0) return;
    for (uint32_t number = client->queue.head; number != client->queue.tail; number++)
        free(((struct place *)entry(&client->queue, number, sizeof(struct place)))->memory);
    free(client->queue.entries);
    free(client->in.memory);
    free(client->out.memory);
    free(client);
}

static const char *take_replies(struct peer *server, const char *at, const char *end) {
    const char *next;
    while ((next = reply_end(at, end))) {
        struct ticket *ticket = entry(&server->queue, server->queue.head++, sizeof *ticket);
        struct peer *client = ticket->client;
        client->unanswered--;
        if (client->is_closed)
            bury(client);
        else
            answer(client, ticket->number, at, next - at);
        at = next;
    }
    return at;
}

/* --- sockets --- */

static void watch(struct peer *peer, int operation) {
    struct epoll_event event = {.events = EPOLLIN | (peer->is_full ? EPOLLOUT : 0), .data.ptr = peer};
    if (epoll_ctl(poller, operation, peer->descriptor, &event) != 0) fail("epoll_ctl");
}

static struct peer *add(int descriptor, bool is_server) {
    struct peer *peer = taken(calloc(1, sizeof *peer));
    int one = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    peer->descriptor = descriptor;
    peer->is_server = is_server;
    watch(peer, EPOLL_CTL_ADD);
    return peer;
}

static void receive(struct peer *peer) {
    static char scratch[READ_BYTES];
    bool has_front = peer->in.end > peer->in.start;
    char *target = has_front ? room(&peer->in, READ_BYTES) : scratch;
    ssize_t count = recv(peer->descriptor, target, READ_BYTES, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0 && peer->is_server) fail("a server is gone");
    if (count <= 0) {
        peer->is_closed = true;
        close(peer->descriptor);
        return;
    }
    if (has_front) peer->in.end += count;
    const char *start = has_front ? peer->in.memory + peer->in.start : scratch;
    const char *end = has_front ? peer->in.memory + peer->in.end : scratch + count;
    const char *rest = peer->is_server ? take_replies(peer, start, end) : take_requests(peer, start, end);
    if (has_front)
        drop(&peer->in, rest - start);
    else if (rest < end)
        append(&peer->in, rest, end - rest);
}

static void flush(struct peer *peer) {
    size_t size = peer->out.end - peer->out.start;
    if (peer->is_closed || size == 0) return;
    ssize_t count = send(peer->descriptor, peer->out.memory + peer->out.start, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) return; /* The next receive finds it closed. */
    if (count > 0) drop(&peer->out, count);
    bool is_full = peer->out.end > peer->out.start;
    if (is_full == peer->is_full) return;
    peer->is_full = is_full;
    watch(peer, EPOLL_CTL_MOD);
}

static void flush_all(struct peer **list) {
    while (*list) {
        struct peer *peer = *list;
        *list = peer->next;
        peer->is_dirty = false;
        flush(peer);
        bury(peer);
    }
}

static struct sockaddr_in loopback(const char *port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listener_on(const char *port) {
    struct sockaddr_in address = loopback(port);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0) fail("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    return listener;
}

static void serve(int listener, struct epoll_event *event) {
    struct peer *peer = event->data.ptr;
    if (!peer) {
        int descriptor;
        while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) add(descriptor, false);
        return;
    }
    if (event->events & EPOLLOUT) mark(peer);
    if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(peer);
    bury(peer);
}

int main(int count, char **words) {
    if (count < 3 || count - 2 > SERVERS_MAX) {
        fprintf(stderr, "usage: mux PORT SERVER_PORT...\n");
        return 2;
    }
    for (int byte = 0; byte < 256; byte++) {
        uint16_t crc = byte << 8;
        for (int bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
        crc_table[byte] = crc;
    }
    poller = epoll_create1(0);
    for (int index = 2; index < count; index++) {
        struct sockaddr_in address = loopback(words[index]);
        int descriptor = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
        servers[server_count++] = add(descriptor, true);
    }
    int listener = listener_on(words[1]);
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS_MAX, -1);
        for (int index = 0; index < ready; index++) serve(listener, &events[index]);
        flush_all(&dirty_servers);
        flush_all(&dirty_clients);
    }
}
