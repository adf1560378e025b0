// Loaded before libc (LD_PRELOAD): makes one of the next writes to certain files fail, or the process die there.
//
// WRITE_FAULT_FILES  what the paths of those files begin with
// WRITE_FAULT_ORDER  a file that says "COUNT KIND": the COUNTth write from now on is hit, and the file is removed then;
//                    without the file nothing happens, but the writes since it was last there are not counted either
//
// KIND kill: the process dies before the write; torn: in the middle of it; an errno: the write fails with it.
// A write is a call that changes a file, its length or its name, or waits for the disk.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { GO_ON, FAIL, TEAR };

static int concerns(const char *path) {
    const char *files = getenv("WRITE_FAULT_FILES");
    return files && strncmp(path, files, strlen(files)) == 0;
}

static int concerns_descriptor(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return concerns(path);
}

static int next_write(void) {
    const char *order = getenv("WRITE_FAULT_ORDER");
    int kept = errno, count = 0;
    char kind[16] = "";
    FILE *file = order ? fopen(order, "re") : NULL;
    if (!file) { errno = kept; return GO_ON; }
    int found = fscanf(file, "%d %15s", &count, kind);
    fclose(file);
    if (found == 2 && count > 1) {
        file = fopen(order, "we");
        if (file) { fprintf(file, "%d %s", count - 1, kind); fclose(file); }
    } else if (found == 2) {
        unlink(order);
        if (strcmp(kind, "kill") == 0) raise(SIGKILL);
        if (strcmp(kind, "torn") == 0) return TEAR;
        errno = atoi(kind);
        return FAIL;
    }
    errno = kept;
    return GO_ON;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRITE(name, parameters, arguments, half)                     \
    ssize_t name parameters {                                        \
        if (concerns_descriptor(descriptor)) {                       \
            int what = next_write();                                 \
            if (what == FAIL) return -1;                             \
            if (what == TEAR) { REAL(name) half; raise(SIGKILL); }   \
        }                                                            \
        return REAL(name) arguments;                                 \
    }

WRITE(write, (int descriptor, const void *bytes, size_t count), (descriptor, bytes, count),
      (descriptor, bytes, count / 2))
WRITE(pwrite, (int descriptor, const void *bytes, size_t count, off_t at), (descriptor, bytes, count, at),
      (descriptor, bytes, count / 2, at))
WRITE(pwrite64, (int descriptor, const void *bytes, size_t count, off64_t at), (descriptor, bytes, count, at),
      (descriptor, bytes, count / 2, at))

#define CHANGE(name, parameters, arguments)                          \
    int name parameters {                                            \
        if (concerns_descriptor(descriptor)) {                       \
            int what = next_write();                                 \
            if (what == FAIL) return -1;                             \
            if (what == TEAR) raise(SIGKILL);                        \
        }                                                            \
        return REAL(name) arguments;                                 \
    }

CHANGE(fsync, (int descriptor), (descriptor))
CHANGE(fdatasync, (int descriptor), (descriptor))
CHANGE(ftruncate, (int descriptor, off_t length), (descriptor, length))
CHANGE(ftruncate64, (int descriptor, off64_t length), (descriptor, length))

int rename(const char *from, const char *to) {
    if (concerns(to)) {
        int what = next_write();
        if (what == FAIL) return -1;
        if (what == TEAR) raise(SIGKILL);
    }
    return REAL(rename)(from, to);
}
