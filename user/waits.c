// SPDX-License-Identifier: Apache-2.0
// Reads the kernel's sums of how long threads waited. One pass over all threads costs less than opening a
// file in /proc for ten of them.
#include "waits.h"

#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "capture.h"
#include "cleanup.h"
#include "maps.h"
#include "ringside.skel.h"

int waits_watch(struct capture *capture, uint64_t cgroup)
{
	const uint64_t none = 0;

	if (bpf_map_update_elem(bpf_map__fd(capture->skeleton->maps.ended_waits), &cgroup, &none,
				BPF_NOEXIST))
		return -errno;
	return 0;
}

void waits_forget(struct capture *capture, uint64_t cgroup)
{
	bpf_map_delete_elem(bpf_map__fd(capture->skeleton->maps.ended_waits), &cgroup);
}

uint64_t waits_ended(const struct capture *capture, uint64_t cgroup)
{
	uint64_t wait_ns = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(capture->skeleton->maps.ended_waits), &cgroup, &wait_ns))
		return 0;
	return wait_ns;
}

int waits_living(const struct capture *capture, void (*each)(void *context, const struct thread_wait *thread),
		 void *context)
{
	AUTO_CLOSE int fd = -1;
	struct thread_wait threads[512];
	ssize_t len;

	if (capture->capabilities[CAPABILITY_WAITS].reason)
		return -EOPNOTSUPP;
	fd = bpf_iter_create(bpf_link__fd(capture->skeleton->links.ringside_threads));
	if (fd < 0)
		return -errno;
	/* The kernel hands out whole records: it writes them into pages of its own and stops before one that
	 * does not fit. A read may end within one, if our buffer does. */
	while ((len = read(fd, threads, sizeof(threads))) > 0)
		for (size_t i = 0; i < (size_t)len / sizeof(*threads); i++)
			each(context, &threads[i]);
	return len < 0 ? -errno : 0;
}
