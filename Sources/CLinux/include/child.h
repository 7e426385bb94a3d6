#ifndef CLINUX_CHILD_H
#define CLINUX_CHILD_H
/* Starting a child process: what has to be C because nothing of Swift's may run between fork and exec.
 * Everything the child needs is built by the caller beforehand; after fork it makes plain system calls only.
 * As few headers as possible: a C type belongs to the module that shows it first, and Glibc's is the expected one. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* Closes every descriptor from `first` on; one by one on kernels before 5.9, up to Linux's usual limit. */
static inline void clinux_close_from(int first) {
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) == 0) return;
    for (int fd = first; fd < 1 << 20; fd++) close(fd);
}

/* Runs in the child between fork and exec; returns only when something failed, with errno set and *status_fd where
 * the parent can be told. log_fd and *status_fd are not below 10, out of the way of the descriptors set up here. */
static inline void clinux_child_exec(const char *path, char *const argv[], char *const envp[], int log_fd,
                                     int *status_fd, pid_t parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return;
    /* The parent may have died before the line above: then no signal will ever come. */
    if (getppid() != parent) _exit(127);
    if (setpgid(0, 0) != 0) return;

    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0) return;

    int null_fd = open("/dev/null", O_RDWR);
    if (null_fd < 0) return;
    if (null_fd != 0 && dup2(null_fd, 0) < 0) return;
    if (dup2(log_fd < 0 ? 0 : log_fd, 1) < 0 || dup2(1, 2) < 0) return;
    if (dup2(*status_fd, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) < 0) return;
    *status_fd = 3;
    clinux_close_from(4);
    execve(path, argv, envp);
}

/* A copy of `fd` not below 10, closed by exec; -1 with errno set if there is none. */
static inline int clinux_raise_fd(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 10); }

/* Starts `path` in a process group of its own, with stdin from /dev/null, stdout and stderr to log_fd (or /dev/null if
 * negative), every other descriptor closed and signals as a fresh process has them. The kernel kills the child when
 * the calling THREAD ends, so call it from one that lives as long as the process.
 * Returns the process id once the program runs, or the negative errno of what failed. */
static inline int clinux_child_start(const char *path, char *const argv[], char *const envp[], int log_fd) {
    int status_pipe[2];
    if (syscall(SYS_pipe2, status_pipe, O_CLOEXEC) != 0) return -errno;
    int status_fd = clinux_raise_fd(status_pipe[1]);
    int raise_error = errno;
    close(status_pipe[1]);
    int high_log_fd = log_fd < 0 ? -1 : clinux_raise_fd(log_fd);
    if (status_fd >= 0 && log_fd >= 0 && high_log_fd < 0) raise_error = errno;
    if (status_fd < 0 || (log_fd >= 0 && high_log_fd < 0)) {
        close(status_pipe[0]);
        if (status_fd >= 0) close(status_fd);
        if (high_log_fd >= 0) close(high_log_fd);
        return -raise_error;
    }

    /* No signal handler of the parent may run in the child. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        clinux_child_exec(path, argv, envp, high_log_fd, &status_fd, parent);
        int32_t failure = errno;
        ssize_t told = write(status_fd, &failure, sizeof failure);
        (void)told;
        _exit(127);
    }
    int fork_error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(status_fd);
    if (high_log_fd >= 0) close(high_log_fd);
    if (child < 0) {
        close(status_pipe[0]);
        return -fork_error;
    }

    int32_t failure = 0;
    ssize_t got;
    do {
        got = read(status_pipe[0], &failure, sizeof failure);
    } while (got < 0 && errno == EINTR);
    close(status_pipe[0]);
    if (got == 0) return child;
    pid_t reaped;
    do {
        reaped = waitpid(child, NULL, 0);
    } while (reaped < 0 && errno == EINTR);
    return got == (ssize_t)sizeof failure ? -failure : -EIO;
}
#endif
