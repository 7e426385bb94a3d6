/* malloc_count: counts what a program takes from the heap, for a reader outside of the program.
 *
 *     cc -O2 -shared -fPIC -o malloc_count.so malloc_count.c
 *     MALLOC_COUNT_FILE=counts LD_PRELOAD=./malloc_count.so keyway -c keyway.yml
 *
 * The file holds a `struct counts`, which the program maps and counts in; whoever reads it sees the counts of this
 * moment and costs the program nothing. The rule: each function does what glibc's own does, and counts one.
 * Mappings that the program makes itself count as well: memory from mmap is memory, too. glibc's own do not.
 * Not here: what counts are good ones (thresholds.csv), who reads them (Tests/CountTests).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct counts {
    uint64_t magic; /* 1 once the program counts into the file */
    _Atomic uint64_t allocations;
    _Atomic uint64_t frees;
    _Atomic uint64_t bytes;
    _Atomic uint64_t mappings;
};

/* Until the file is mapped; nobody reads these. */
static struct counts before_start;
static struct counts *counts = &before_start;

/* glibc's own, by their second names. A look-up with dlsym would allocate before there is anything to allocate with. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static void *counted(void *memory, size_t size) {
    atomic_fetch_add_explicit(&counts->allocations, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counts->bytes, size, memory_order_relaxed);
    return memory;
}

void *malloc(size_t size) { return counted(__libc_malloc(size), size); }

void *calloc(size_t count, size_t size) { return counted(__libc_calloc(count, size), count * size); }

void *realloc(void *memory, size_t size) { return counted(__libc_realloc(memory, size), size); }

void *memalign(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size), size); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (alignment == 0 || alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
    void *taken = memalign(alignment, size);
    if (!taken) return ENOMEM;
    *memory = taken;
    return 0;
}

void free(void *memory) {
    if (!memory) return;
    atomic_fetch_add_explicit(&counts->frees, 1, memory_order_relaxed);
    __libc_free(memory);
}

void *mmap(void *address, size_t size, int protection, int flags, int descriptor, off_t offset) {
    if (flags & MAP_ANONYMOUS) {
        atomic_fetch_add_explicit(&counts->mappings, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&counts->bytes, size, memory_order_relaxed);
    }
    return (void *)syscall(SYS_mmap, address, size, protection, flags, descriptor, offset);
}

void *mmap64(void *, size_t, int, int, int, off64_t) __attribute__((alias("mmap")));

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("MALLOC_COUNT_FILE");
    if (!path) return;
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *page = MAP_FAILED;
    if (descriptor >= 0 && ftruncate(descriptor, sizeof(struct counts)) == 0)
        page = (void *)syscall(
            SYS_mmap, NULL, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, (off_t)0);
    if (page == MAP_FAILED) {
        perror("malloc_count: MALLOC_COUNT_FILE");
        _exit(1);
    }
    close(descriptor);
    counts = page;
    counts->magic = 1;
}
