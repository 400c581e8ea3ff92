/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Keys, values and indices of the maps that both sides use. */
#ifndef RINGSIDE_MAPS_H
#define RINGSIDE_MAPS_H

#ifndef __VMLINUX_H__ /* the kernel side has these types from there */
#include <linux/types.h>
#endif

/* Index into the per-CPU array `counters`: what could not be told, counted where it happened.
 * user/counters.c has the metric and the label of each. */
enum counter {
	COUNT_LOST_EXCHANGE, /* ring full: a request is not reported */
	COUNT_LOST_REQUEST,  /* ring full: a pipelined request is not reported */
	COUNT_LOST_RESPONSE, /* ring full: the end of an answer is known late, from the next request or the
				close */
	COUNT_LOST_CLOSE,    /* ring full: an unanswered request is not reported, or the end of an answer */
	COUNT_LOST_LISTEN,   /* ring full: a listening socket is found late, by the next look at /proc */
	COUNT_LOST_STATE,    /* no memory for a connection's state: its request is not reported */
	COUNT_LOST_NETWORK,  /* no room for another cgroup: packets that are not counted */
	COUNT_LOST_HEALTH,   /* the same: retransmissions, resets and round trips that are not counted */
	COUNT_UNPARSED_TLS,
	COUNT_UNPARSED_HTTP2,
	COUNT_UNPARSED_OTHER,
	COUNT_MAX,
};

/* Where requests arrive. User space gives each place that it has heard of an index into `traffic`. */
struct place {
	__u64 cgroup;
	__u32 netns;
	__u16 port; /* host byte order */
	__u16 reserved;
};

/* Per-CPU sums of one place. Requests in flight are those that arrived less those that ended; bytes are those
 * of connections recognised as HTTP, to be compared with what was reported. */
struct traffic {
	__u64 arrived;
	__u64 ended;
	__u64 bytes_in;
	__u64 bytes_out;
};

#define PLACES_MAX 4096

/* Cgroups whose threads' waits, packets and TCP troubles are added up; those within a container's own are
 * counted, too. */
#define CGROUPS_MAX 16384

/* A living thread, as the iterator over all of them tells it. */
struct thread_wait {
	__u64 cgroup;
	__u64 wait_ns;  /* runnable without a CPU, since it began */
	__u64 start_ns; /* CLOCK_BOOTTIME */
};

/* Per-CPU sums of one cgroup: packets of its sockets through any interface but the loopback. Bytes as that
 * interface counts them, with the Ethernet header. */
struct network_traffic {
	__u64 received_bytes;
	__u64 received_packets;
	__u64 transmitted_bytes;
	__u64 transmitted_packets;
};

/* Upper bounds of the round trip's histogram, in microseconds: from within a host to around the world. */
#define RTT_BOUNDS_US {100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000}
#define RTT_BOUNDS_LEN 13

/* How one cgroup's TCP connections fare. */
struct tcp_health {
	__u64 retransmits; /* segments */
	__u64 resets_sent;
	__u64 resets_received;
	__u64 rtt_sum_us;
	__u64 rtt_counts[RTT_BOUNDS_LEN + 1];
};

/* Bytes of one ring: 50 ms of 100 000 requests a second, and of their longest heads still what comes while
 * the reader waits for a CPU. */
#define RING_SIZE (1 << 22)

_Static_assert(sizeof(struct place) == 16, "place is shared with the kernel side");
_Static_assert(sizeof(struct network_traffic) == 32, "network_traffic is shared with the kernel side");
_Static_assert(sizeof(struct tcp_health) == 144, "tcp_health is shared with the kernel side");
_Static_assert(sizeof(struct thread_wait) == 24, "thread_wait is shared with the kernel side");
_Static_assert(sizeof(struct traffic) == 32, "traffic is shared with the kernel side");

#endif
