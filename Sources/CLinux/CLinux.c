#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

int signalbox_fcntl(int descriptor, int command, int argument) {
    return fcntl(descriptor, command, argument);
}

ssize_t signalbox_send_two(
    int descriptor,
    const void *first,
    size_t first_count,
    const void *second,
    size_t second_count
) {
    struct iovec pieces[2] = {
        {.iov_base = (void *)first, .iov_len = first_count},
        {.iov_base = (void *)second, .iov_len = second_count},
    };
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    return sendmsg(descriptor, &message, MSG_NOSIGNAL);
}

int signalbox_accept(int listener, struct sockaddr *address, socklen_t *length, int flags) {
    return accept4(listener, address, length, flags);
}

void signalbox_set_thread_name(const char *name) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
}
