#ifndef SIGNALBOX_SUPERVISION_H
#define SIGNALBOX_SUPERVISION_H
#include <signal.h>
#include <spawn.h>
#include <sys/types.h>

/// A non-blocking, close-on-exec descriptor from which the signals of `signals` are read; -1 and errno on failure.
int signalbox_signal_descriptor(const sigset_t *signals);

/// The number of the next signal that waits in the descriptor, 0 when none does.
int signalbox_next_signal(int descriptor);

/// A pipe whose ends are closed by exec; -1 and errno on failure.
int signalbox_pipe(int ends[2]);

/// Lets the child close every descriptor from `first` on; an error number on failure, as the posix_spawn family.
int signalbox_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

/// Gives the child a process group of its own, an empty signal mask, and the default handling of every signal.
/// Returns 0, or an error number.
int signalbox_spawn_in_own_group(posix_spawnattr_t *attributes);

/// The environment of this process, for its children.
char **signalbox_environment(void);

#endif
