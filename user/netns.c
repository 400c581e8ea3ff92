// SPDX-License-Identifier: Apache-2.0
// No descriptor of a foreign namespace outlives a visit: it would keep the namespace, and its interfaces,
// after its last process has gone.
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

#include "cleanup.h"
#include "log.h"

int netns_home(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int netns_visit(int home_fd, pid_t pid, int (*run)(void *context), void *context)
{
	AUTO_CLOSE int fd = -1;
	char path[64];
	int result;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		return -errno;
	result = run(context);
	/* What is open stays open in its own namespace: nothing of ringside's breaks even if this should fail
	 * (for want of memory), but the next visit will tell. */
	if (setns(home_fd, CLONE_NEWNET))
		return log_err(-errno, "cannot return to the own network namespace");
	return result;
}
