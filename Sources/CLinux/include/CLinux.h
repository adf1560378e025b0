#ifndef SIGNALBOX_CLINUX_H
#define SIGNALBOX_CLINUX_H
#include "Supervision.h"
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>

/// fcntl is variadic and therefore not callable from Swift; this is its integer form.
int signalbox_fcntl(int descriptor, int command, int argument);

/// Sends two pieces of memory with one system call, without raising SIGPIPE.
ssize_t signalbox_send_two(
    int descriptor,
    const void *first,
    size_t first_count,
    const void *second,
    size_t second_count
);

/// accept4, which the Swift overlay of glibc does not show.
int signalbox_accept(int listener, struct sockaddr *address, socklen_t *length, int flags);

/// Opens a file without a name in a folder, readable by this process alone; -1 and errno on failure.
int signalbox_temporary_file(const char *directory);

/// Gives back memory that the process needed for a while: free heap pages, and the mapped pages of code that only the
/// start runs. What is still needed of the code comes back by itself, one minor fault for each piece.
void signalbox_trim_memory(void);

/// Has blocks of `bytes` and more mapped each by itself, so that they go back to the kernel when they are freed; by default
/// the allocator raises that size after the first such block, and keeps the memory of a burst for ever.
void signalbox_map_large_blocks(int bytes);

/// Names the calling thread, for tools such as `top -H`; at most 15 bytes are shown.
void signalbox_set_thread_name(const char *name);

#endif
