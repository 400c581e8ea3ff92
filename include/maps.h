/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Keys, values and indices of the maps that both sides use. */
#ifndef RINGSIDE_MAPS_H
#define RINGSIDE_MAPS_H

#ifndef __VMLINUX_H__ /* the kernel side has these types from there */
#include <linux/types.h>
#endif

/* Index into the per-CPU array `counters`: what could not be told, counted where it happened.
 * user/self.c has the metric and the label of each. */
enum counter {
	COUNT_LOST_EXCHANGE, /* ring full: a request is not reported */
	COUNT_LOST_REQUEST,  /* ring full: a pipelined request is not reported */
	COUNT_LOST_RESPONSE, /* ring full: the end of an answer is known late, from the next request or the
				close */
	COUNT_LOST_CLOSE,    /* ring full: an unanswered request is not reported, or the end of an answer */
	COUNT_LOST_STREAM,   /* ring full: a piece of frames or of plaintext; user space finds out what is
				missing */
	COUNT_LOST_LISTEN,   /* ring full: a listening socket is found late, by the next look at /proc */
	COUNT_LOST_STATE,    /* no memory for a connection's state: its request is not reported */
	COUNT_LOST_NETWORK,  /* no room for another cgroup: packets that are not counted */
	COUNT_LOST_HEALTH,   /* the same: retransmissions, resets and round trips that are not counted */
	COUNT_LOST_TLS,      /* a request in TLS whose socket is not known */
	COUNT_UNPARSED_TLS_OPAQUE,
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

/* A library's object for a connection in TLS (SSL *, *tls.Conn), in whose memory it is. */
struct tls_session_key {
	__u64 session;
	__u32 tgid;
	__u32 reserved;
};

/* Connections in TLS that can be followed at a time. */
#define TLS_CONNECTIONS_MAX 65536

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
	__u64 connections[2]; /* established now, by enum tcp_role */
};

enum tcp_role { TCP_SERVER, TCP_CLIENT };

/* A socket that listens, as the iterator over all of them tells it. */
struct listening_socket {
	__u64 id; /* never used twice */
	__u64 cgroup;
	__u32 queue; /* connections that nobody has accepted yet */
	__u32 drops; /* since it was made */
};

/* One ring collapses under many producers, so that there is one for each eight CPUs, up to so many. */
#define RINGS_MAX 64

/* Bytes of one ring: 50 ms of 100 000 requests a second, and of their longest heads still what comes while
 * the reader waits for a CPU. */
#define RING_SIZE (1 << 22)

/* Event loops (bpf/event_loop.bpf.c, user/event_loop.c). */
#define LOOPS_MAX 256

/* The scheduler's tick, where it is slow enough to matter (CONFIG_HZ=250, the usual): the end of a stretch
 * that another follows at once is known to half of it. */
#define LOOP_TICK_NS 4000000ULL

/* Lengths of stretches, in units of 1024 ns, in buckets of a sixteenth of an octave: a bucket's middle is
 * within 3.2 % of all that is in it. The first is all that is below 16 units, the last all from 68 s on. */
#define LOOP_UNIT_SHIFT 10
#define LOOP_STEP_SHIFT 4
#define LOOP_OCTAVES 22
#define LOOP_BUCKETS (1 + (LOOP_OCTAVES << LOOP_STEP_SHIFT))

/* One event loop: the thread that runs it is the key. A stretch is what lies between two waits for events;
 * everything that the loop owes somebody waits for its end. The kernel side writes all but time_address,
 * watched_ns and epoll_fd. */
struct loop {
	__u64 time_address; /* of uv_loop_t.time in that process */
	__u64 watched_ns;
	__u64 begin_ns;  /* of the stretch that goes on, or of the last one */
	__u64 seen_ns;   /* the loop was looked at, and in that stretch */
	__u64 time_ms;   /* what it said the time was */
	__u64 run_delay; /* of the thread, by then */
	__u64 looks;
	__u64 unreadable; /* looks that could not read time_address */
	__u32 epoll_fd;   /* what it waits at for events */
	__u8 state;       /* enum loop_state */
	__u8 ticked;      /* seen by a tick, not by a switch */
	__u16 reserved;
	__u64 due_ns; /* of a timer of LOOP_TIMER_NS that repeats, were there one in the loop */
	__u32 stretches[LOOP_BUCKETS];
	__u32 late[LOOP_BUCKETS]; /* how late that timer fired */
};

/* As perf_hooks.monitorEventLoopDelay() has it at its usual resolution. */
#define LOOP_TIMER_NS 10000000ULL

enum loop_state {
	LOOP_NEW,     /* not looked at yet */
	LOOP_WAITS,   /* for events: begin_ns … seen_ns was the last stretch */
	LOOP_DOUBT,   /* runs, but has not looked at the clock since it waited */
	LOOP_STRETCH, /* runs, or waits for something else than events */
};

_Static_assert(sizeof(struct place) == 16, "place is shared with the kernel side");
_Static_assert(sizeof(struct tls_session_key) == 16, "tls_session_key is shared with the kernel side");
_Static_assert(sizeof(struct network_traffic) == 32, "network_traffic is shared with the kernel side");
_Static_assert(sizeof(struct tcp_health) == 160, "tcp_health is shared with the kernel side");
_Static_assert(sizeof(struct listening_socket) == 24, "listening_socket is shared with the kernel side");
_Static_assert(sizeof(struct thread_wait) == 24, "thread_wait is shared with the kernel side");
_Static_assert(sizeof(struct traffic) == 32, "traffic is shared with the kernel side");
_Static_assert(sizeof(struct loop) == 80 + 8 * LOOP_BUCKETS, "loop is shared with the kernel side");
_Static_assert(sizeof(struct loop) % 8 == 0, "loop is shared with the kernel side");

#endif
