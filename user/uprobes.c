// SPDX-License-Identifier: Apache-2.0
// Attaches uprobes with the system calls themselves: libbpf of Debian 12 does not know links of many yet.
// Descriptors are closed by threads that do nothing else, because each close waits for the kernel, and the
// loop must not.
#include "uprobes.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>

#include "cleanup.h"

/* include/uapi/linux/bpf.h of Linux 6.6, which Debian 12's headers are older than: BPF_TRACE_UPROBE_MULTI,
 * and the part of union bpf_attr for BPF_LINK_CREATE. */
#define TRACE_UPROBE_MULTI 48

struct link_create_uprobe_multi {
	__u32 prog_fd;
	__u32 target_fd;
	__u32 attach_type;
	__u32 flags;
	__u64 path;
	__u64 offsets;
	__u64 ref_ctr_offsets;
	__u64 cookies;
	__u32 count;
	__u32 multi_flags;
	__u32 pid;
	__u32 reserved;
};

_Static_assert(sizeof(struct link_create_uprobe_multi) == 64, "the kernel's layout");

void uprobes_prepare(struct bpf_program *program)
{
	/* Older kernels ignore it. */
	bpf_program__set_expected_attach_type(program, TRACE_UPROBE_MULTI);
}

static int add_fd(struct uprobes *probes, int fd)
{
	int *grown = realloc(probes->fds, (probes->len + 1) * sizeof(*grown));

	if (!grown) {
		close(fd);
		return -ENOMEM;
	}
	probes->fds = grown;
	probes->fds[probes->len++] = fd;
	return 0;
}

/* Of multi_flags: where the function that begins there returns. */
#define UPROBE_MULTI_RETURN 1

static int attach_many(const struct bpf_program *program, const char *path, const uint64_t *offsets,
		       size_t count, bool at_return)
{
	struct link_create_uprobe_multi attributes = {
		.prog_fd = bpf_program__fd(program),
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.count = count,
		.multi_flags = at_return ? UPROBE_MULTI_RETURN : 0,
	};
	int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));

	return fd < 0 ? -errno : fd;
}

/* The perf event type of uprobes, and the bit of its configuration for return probes, from sysfs; they are
 * not the same on all hosts. */
static int uprobe_number(const char *file_name, const char *format)
{
	AUTO_FILE FILE *file = fopen(file_name, "re");
	int number;

	return file && fscanf(file, format, &number) == 1 ? number : -ENOTSUP;
}

static int attach_one(const struct bpf_program *program, const char *path, uint64_t offset, bool at_return)
{
	int type = uprobe_number("/sys/bus/event_source/devices/uprobe/type", "%d");
	int bit = at_return
			  ? uprobe_number("/sys/bus/event_source/devices/uprobe/format/retprobe", "config:%d")
			  : 0;
	struct perf_event_attr attributes = {
		.size = sizeof(attributes),
		.type = type,
		.config = at_return ? 1ULL << bit : 0,
		.config1 = (uintptr_t)path,
		.config2 = offset,
	};
	AUTO_CLOSE int fd = -1;

	if (type < 0 || bit < 0)
		return -ENOTSUP;
	fd = syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, bpf_program__fd(program)) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return TAKE_FD(fd);
}

static int add(struct uprobes *probes, const struct bpf_program *program, int file_fd,
	       const uint64_t *offsets, size_t count, bool at_return)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	fd = attach_many(program, path, offsets, count, at_return);
	if (fd >= 0)
		return add_fd(probes, fd);
	if (fd != -EINVAL) /* which an older kernel says */
		return fd;
	for (size_t i = 0; i < count; i++) {
		int error;

		fd = attach_one(program, path, offsets[i], at_return);
		error = fd < 0 ? fd : add_fd(probes, fd);
		if (error)
			return error;
	}
	return 0;
}

int uprobes_add(struct uprobes *probes, const struct bpf_program *program, int file_fd,
		const uint64_t *offsets, size_t count)
{
	return add(probes, program, file_fd, offsets, count, false);
}

int uprobes_add_return(struct uprobes *probes, const struct bpf_program *program, int file_fd,
		       uint64_t offset)
{
	return add(probes, program, file_fd, &offset, 1, true);
}

/* Who closes. The kernel waits for all of them at once, where they wait together. */
#define CLOSERS_MAX 64

static struct {
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned running;
} closers = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static void *close_one(void *argument)
{
	close((int)(intptr_t)argument);
	pthread_mutex_lock(&closers.lock);
	closers.running--;
	pthread_cond_broadcast(&closers.done);
	pthread_mutex_unlock(&closers.lock);
	return NULL;
}

static bool closer_start(int fd)
{
	pthread_attr_t attributes;
	pthread_t thread;
	bool started;

	pthread_mutex_lock(&closers.lock);
	while (closers.running >= CLOSERS_MAX)
		pthread_cond_wait(&closers.done, &closers.lock);
	closers.running++;
	pthread_mutex_unlock(&closers.lock);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	started = !pthread_create(&thread, &attributes, close_one, (void *)(intptr_t)fd);
	pthread_attr_destroy(&attributes);
	return started;
}

void uprobes_release(struct uprobes *probes)
{
	for (size_t i = 0; i < probes->len; i++)
		if (!closer_start(probes->fds[i]))
			close_one((void *)(intptr_t)probes->fds[i]);
	free(probes->fds);
	*probes = (struct uprobes){0};
}

void uprobes_wait(void)
{
	pthread_mutex_lock(&closers.lock);
	while (closers.running)
		pthread_cond_wait(&closers.done, &closers.lock);
	pthread_mutex_unlock(&closers.lock);
}
