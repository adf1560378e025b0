#define _GNU_SOURCE
#include "Supervision.h"
#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

int signalbox_signal_descriptor(const sigset_t *signals) {
    return signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int signalbox_next_signal(int descriptor) {
    struct signalfd_siginfo information;
    ssize_t count = read(descriptor, &information, sizeof information);
    return count == sizeof information ? (int)information.ssi_signo : 0;
}

int signalbox_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC);
}

int signalbox_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

char **signalbox_environment(void) {
    return environ;
}
