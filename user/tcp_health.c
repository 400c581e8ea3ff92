// SPDX-License-Identifier: Apache-2.0
// Reads the kernel's sums, and has its iterators run.
#include "tcp_health.h"

#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "capture.h"
#include "cleanup.h"
#include "maps.h"
#include "ringside.skel.h"

void tcp_health_each(const struct capture *capture,
		     void (*each)(void *context, uint64_t cgroup, const struct tcp_health *health),
		     void *context)
{
	int map = bpf_map__fd(capture->skeleton->maps.tcp_health_sums);
	uint64_t cgroup, *previous = NULL;
	struct tcp_health health;

	for (unsigned i = 0; i < CGROUPS_MAX && !bpf_map_get_next_key(map, previous, &cgroup); i++) {
		previous = &cgroup;
		if (!bpf_map_lookup_elem(map, &cgroup, &health))
			each(context, cgroup, &health);
	}
}

void tcp_health_forget(const struct capture *capture, uint64_t cgroup)
{
	bpf_map_delete_elem(bpf_map__fd(capture->skeleton->maps.tcp_health_sums), &cgroup);
}

int tcp_health_listeners(const struct capture *capture,
			 void (*each)(void *context, const struct listening_socket *socket), void *context)
{
	struct listening_socket sockets[512];
	AUTO_CLOSE int fd = -1;
	ssize_t len;

	if (capture->capabilities[CAPABILITY_ACCEPT_QUEUES].reason)
		return -EOPNOTSUPP;
	fd = bpf_iter_create(bpf_link__fd(capture->skeleton->links.ringside_listeners));
	if (fd < 0)
		return -errno;
	/* The kernel hands out whole records. */
	while ((len = read(fd, sockets, sizeof(sockets))) > 0)
		for (size_t i = 0; i < (size_t)len / sizeof(*sockets); i++)
			each(context, &sockets[i]);
	return len < 0 ? -errno : 0;
}

/* Runs an iterator that tells nothing, to its end. The kernel pauses after a million sockets (-EAGAIN). */
static int iterate(const struct bpf_link *link)
{
	AUTO_CLOSE int fd = -1;
	char none;

	if (!link)
		return -EOPNOTSUPP;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		return -errno;
	while (read(fd, &none, sizeof(none)) < 0)
		if (errno != EAGAIN)
			return -errno;
	return 0;
}

int tcp_health_inventory(const struct capture *capture)
{
	return iterate(capture->skeleton->links.ringside_inventory);
}

void tcp_health_inventory_ends(struct capture *capture)
{
	capture->skeleton->data->inventory_goes_on = false;
}

int tcp_health_sample(struct capture *capture, uint64_t since_ns)
{
	capture->skeleton->bss->rtt_since_us = since_ns / 1000;
	return iterate(capture->skeleton->links.ringside_rtt);
}
