/* A disk that fails when told to: preloaded, it stands between a process and the C library.
 *
 * Counts the calls that change files below one folder, and fails the n-th of them, or it and all after it,
 * with an errno; or kills the process group there, a write being half done. Idle until faults_arm is called.
 * Linux and glibc. What libc writes by itself (stdio) does not come through here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[PATH_MAX];
static size_t length;
static long nth;
static int code; /* what fails the call; 0 kills */
static int lasting;
static atomic_int armed;
static atomic_long seen;
static char where[2 * PATH_MAX];

/* From now on fail the n-th call below `path` with `error`; with 0 kill the process group. */
void faults_arm(const char *path, long n, int error, int from_then_on) {
    snprintf(folder, sizeof folder, "%s", path);
    length = strlen(folder);
    nth = n;
    code = error;
    lasting = from_then_on;
    where[0] = 0;
    atomic_store(&seen, 0);
    atomic_store(&armed, 1);
}

void faults_disarm(void) { atomic_store(&armed, 0); }

long faults_seen(void) { return atomic_load(&seen); }

/* The first call that failed, empty if none did. */
const char *faults_where(void) { return where; }

static int below(const char *path) { return strncmp(path, folder, length) == 0; }

/* Whether this call fails: 0 no, 1 yes; `removes` says that it makes room, which a full disk lets it do. */
static int fails(const char *call, const char *path, int removes) {
    if (!below(path) || (removes && code == ENOSPC)) return 0;
    long n = atomic_fetch_add(&seen, 1) + 1;
    if (n != nth && !(lasting && n > nth)) return 0;
    if (n == nth) snprintf(where, sizeof where, "%s %s", call, path + length);
    return 1;
}

static int stop(void) {
    if (code == 0) kill(0, SIGKILL);
    errno = code;
    return -1;
}

static int path_fails(const char *call, int at, const char *path, int removes) {
    if (!atomic_load(&armed)) return 0;
    if (path[0] == '/' || at == AT_FDCWD) return fails(call, path, removes);
    char link[64], whole[2 * PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t size = readlink(link, whole, PATH_MAX);
    if (size < 0) return 0;
    snprintf(whole + size, sizeof whole - size, "/%s", path);
    return fails(call, whole, removes);
}

static int fd_fails(const char *call, int fd) {
    if (!atomic_load(&armed)) return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return fails(call, path, 0);
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define OPEN(name, parameters, at, path, ...)                                                     \
    int name parameters {                                                                         \
        REAL(name);                                                                               \
        mode_t mode = 0;                                                                          \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                                    \
            va_list rest;                                                                         \
            va_start(rest, flags);                                                                \
            mode = va_arg(rest, mode_t);                                                          \
            va_end(rest);                                                                         \
        }                                                                                         \
        if ((flags & (O_CREAT | O_TRUNC)) && path_fails("open", at, path, 0)) return stop();      \
        return real(__VA_ARGS__, flags, mode);                                                    \
    }
OPEN(open, (const char *path, int flags, ...), AT_FDCWD, path, path)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD, path, path)
OPEN(openat, (int at, const char *path, int flags, ...), at, path, at, path)
OPEN(openat64, (int at, const char *path, int flags, ...), at, path, at, path)

#define WRITE(type, name, parameters, half, ...)                                                  \
    type name parameters {                                                                        \
        REAL(name);                                                                               \
        if (fd_fails(#name, fd)) {                                                                \
            if (code == 0) half;                                                                  \
            return stop();                                                                        \
        }                                                                                         \
        return real(__VA_ARGS__);                                                                 \
    }
WRITE(ssize_t, write, (int fd, const void *data, size_t size), real(fd, data, size / 2), fd, data, size)
WRITE(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t place), real(fd, data, size / 2, place), fd, data, size, place)
WRITE(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t place), real(fd, data, size / 2, place), fd, data, size, place)
WRITE(ssize_t, writev, (int fd, const struct iovec *parts, int count), real(fd, parts, count / 2), fd, parts, count)
WRITE(ssize_t, sendfile64, (int fd, int from, off64_t *place, size_t size), real(fd, from, place, size / 2), fd, from, place, size)
WRITE(ssize_t, copy_file_range, (int from, off64_t *start, int fd, off64_t *place, size_t size, unsigned flags), real(from, start, fd, place, size / 2, flags), from, start, fd, place, size, flags)
WRITE(int, fsync, (int fd), (void)0, fd)
WRITE(int, fdatasync, (int fd), (void)0, fd)
WRITE(int, ftruncate, (int fd, off_t size), (void)0, fd, size)
WRITE(int, ftruncate64, (int fd, off64_t size), (void)0, fd, size)

#define MOVE(name, parameters, at, path, removes, ...)                                            \
    int name parameters {                                                                         \
        REAL(name);                                                                               \
        return path_fails(#name, at, path, removes) ? stop() : real(__VA_ARGS__);                 \
    }
MOVE(rename, (const char *old, const char *new), AT_FDCWD, new, 0, old, new)
MOVE(renameat, (int from, const char *old, int to, const char *new), to, new, 0, from, old, to, new)
MOVE(renameat2, (int from, const char *old, int to, const char *new, unsigned flags), to, new, 0, from, old, to, new, flags)
MOVE(link, (const char *old, const char *new), AT_FDCWD, new, 0, old, new)
MOVE(linkat, (int from, const char *old, int to, const char *new, int flags), to, new, 0, from, old, to, new, flags)
MOVE(mkdir, (const char *path, mode_t mode), AT_FDCWD, path, 0, path, mode)
MOVE(mkdirat, (int at, const char *path, mode_t mode), at, path, 0, at, path, mode)
MOVE(unlink, (const char *path), AT_FDCWD, path, 1, path)
MOVE(unlinkat, (int at, const char *path, int flags), at, path, 1, at, path, flags)
MOVE(rmdir, (const char *path), AT_FDCWD, path, 1, path)
