// SPDX-License-Identifier: Apache-2.0
// Looking at another network namespace from within: some of the kernel's tables show only the caller's own.
#ifndef RINGSIDE_NETNS_H
#define RINGSIDE_NETNS_H

#include <sys/types.h>

/// Calls back once in the network namespace of the process, and returns to `home_fd`, which is that of the
/// caller (netns_home), before it returns itself. Only this thread moves. -errno of the move (-ENOENT,
/// -ESRCH: the process is gone), else what `run` returns.
int netns_visit(int home_fd, pid_t pid, int (*run)(void *context), void *context);
/// The namespace of the calling thread, opened; -errno.
int netns_home(void);

#endif
