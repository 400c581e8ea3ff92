/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the kernel programs share: the rings, the counters, and the state of a connection. */
#ifndef RINGSIDE_SHARED_BPF_H
#define RINGSIDE_SHARED_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "event.h"
#include "kernel_compat.bpf.h"
#include "maps.h"

/* A connection keeps to one of the rings, by its cookie: its events stay in order. */
struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_SIZE);
};

struct rings {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RINGS_MAX);
	__type(key, __u32);
	__array(values, struct ring);
};
extern struct rings rings SEC(".maps");

struct counters {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct counters counters SEC(".maps");

struct places {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PLACES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct place);
	__type(value, __u32);
};
extern struct places places SEC(".maps");

/* Index 0 takes what has no place yet. */
struct traffic_sums {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PLACES_MAX);
	__type(key, __u32);
	__type(value, struct traffic);
};
extern struct traffic_sums traffic_sums SEC(".maps");

/* Of the cgroups that user space wants to know of: nanoseconds that threads which have ended had waited. */
struct ended_waits {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CGROUPS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
};
extern struct ended_waits ended_waits SEC(".maps");

/* Set before loading. */
extern const volatile __u32 ring_count;
extern const volatile __u32 own_tgid;
extern const volatile bool task_in_skb; /* cgroup_skb programs may look at the current task by its type */
extern const volatile bool storage_in_tracing; /* not before Linux 5.11 */

enum direction { DIRECTION_IN, DIRECTION_OUT };

enum connection_state {
	CONNECTION_IDLE,     /* nothing seen, or all answered: the next segment in may begin a request */
	CONNECTION_WAITING,  /* a request is here, its answer has not begun */
	CONNECTION_FRAMED,   /* HTTP/2 or WebSocket: user space gets the frames */
	CONNECTION_UPGRADED, /* 101 to something else */
	CONNECTION_OWN,      /* ringside's own server */
};

/* How much a later segment can add to a request's head at once. Free: with it the state still fits a kmalloc
 * of 1 KiB. */
#define REQUEST_SPARE 248

/* Where a connection's end on this host is, and between whom. IPv4 addresses take the first four bytes, also
 * where the socket is an IPv6 one that speaks IPv4 (RFC 4291 section 2.5.5.2). */
struct endpoint {
	__u64 socket; /* its cookie; 0: not asked for yet */
	__u64 cgroup;
	__u32 netns;
	__u16 local_port;
	__u16 remote_port;
	__u16 family;
	__u16 reserved;
	__u32 traffic; /* index into traffic_sums, 0: not known yet */
	__u8 local_address[16];
	__u8 remote_address[16];
};

/* A read by a thread, and where the scheduler's sums of it stood. */
struct reading {
	__u64 time_ns; /* 0: none yet */
	__u64 exec_sum;
	__u64 exec_start;
	__u64 run_delay;
	__u32 tgid;
	__u32 tid;
	__u32 cpu;
	__u32 reserved;
};

/* One direction of a connection that is made of frames (bpf/frames.bpf.h). Written by that direction alone.
 */
struct framing {
	__u64 payload_left; /* of the frame that goes on */
	__u8 header[16];    /* the beginning of one whose header is not whole yet … */
	__u8 header_len;    /* … and how much of it there is */
	__u8 told;          /* the payload goes to user space, however long it is */
	__u8 ends;          /* the payload's last byte does */
	__u8 raw;           /* not walked: user space gets every byte, in the order of arrival */
	__u8 unaligned;     /* where a frame begins is not known: the connection is older than ringside */
	__u8 reserved[3];
	__u64 first; /* position of the first frame; what comes in may begin behind it */
	/* While a segment is walked; not on the stack, because the verifier would follow every value that
	 * these can have. */
	__u32 at;     /* offset of what comes next */
	__u32 untold; /* offset from which on nothing was told yet */
	__u32 frame;  /* from there to the first frame that begins behind it, or NO_FRAME */
	__u32 passed; /* bytes before `at` that are not to be told */
	__u64 begin;  /* position of the segment's first byte less its offset */
};

/* The state of a connection whose server end is on this host. Made when a segment looks like the beginning of
 * a request, freed by the kernel with the socket.
 *
 * Ingress runs in softirq before the socket is locked, egress and reads under the socket's lock: ingress can
 * run at the same time as the others. So each part has one writer, and `state` is a token that is passed to
 * and fro: while it is not WAITING, ingress alone may rewrite the request and set WAITING; while it is,
 * egress alone may set it back. */
struct connection {
	struct endpoint at;
	__u8 state;
	__u8 midstream; /* older than ringside when first seen */
	/* Written by egress, while the head of an answer 101 goes on. */
	__u8 upgrading;     /* 1 + enum stream_protocol */
	__u32 upgrade_tail; /* the last four bytes so far */

	/* Written by ingress. Two CPUs may bring segments of one connection at the same time: nothing here is
	 * summed up, positions come from sequence numbers. */
	__u64 arrival_ns;
	__u64 request_start;
	__u64 request_end; /* 0: nothing was seen yet */
	__u32 first_seq;   /* TCP sequence number of position 0 */
	__u32 request_len; /* bytes in request[] */
	__u32 sequence;    /* requests begun */

	/* Written at the first read after the arrival; cleared by ingress with a new request. */
	struct reading reading;

	/* Written by egress. */
	__u64 response_end;
	__u64 last_ns;
	__u32 next_seq_out;
	__u16 capture_left; /* bytes of the answer's beginning still wanted */
	__u8 answered;      /* at least one answer was seen: it is HTTP */
	__u8 fin_sent;

	/* Pipelining was seen: from now on user space gets the bytes of both directions and sorts them out.
	 * Set by either direction, never cleared. */
	__u32 streamed;
	__u32 request_tail; /* the last four bytes that came in: ingress's */

	union {
		__u8 request[REQUEST_CAPTURE_MAX + REQUEST_SPARE];
		/* CONNECTION_FRAMED: what was requested before is over. */
		struct {
			struct framing framing[2]; /* by enum direction */
			__u8 protocol;             /* enum stream_protocol */
		};
	};
};

/* With what the kernel adds it must fit a kmalloc of 1 KiB. */
_Static_assert(sizeof(struct connection) <= 952, "the state of a connection has outgrown its slab");

struct connections {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct connection);
};
extern struct connections connections SEC(".maps");

/* Connections that are not ours to decode, so that their packets cost one look-up. The value says nothing. */
struct ignored {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u8);
};
extern struct ignored ignored SEC(".maps");

static __always_inline void count(enum counter counter)
{
	__u32 key = counter;
	__u64 *value = bpf_map_lookup_elem(&counters, &key);

	/* Tracepoints and softirq can interrupt each other on one CPU; the atomic costs nothing on these rare
	 * paths. */
	if (value)
		__sync_fetch_and_add(value, 1);
}

/* The sums that a connection adds to. A softirq may interrupt a process that adds on the same CPU: add
 * atomically. */
static __always_inline struct traffic *traffic_of(const struct endpoint *at)
{
	__u32 index = at->traffic;

	return bpf_map_lookup_elem(&traffic_sums, &index);
}

/* Called with each request until its place is known, which user space learns from the first. */
static __always_inline void traffic_find(struct endpoint *at)
{
	struct place place = {
		.cgroup = at->cgroup,
		.netns = at->netns,
		.port = at->local_port,
	};
	__u32 *index = bpf_map_lookup_elem(&places, &place);

	if (index)
		at->traffic = *index;
}

/* Pass the token to egress: everything that was written before must be seen by whoever sees it. */
static __always_inline void connection_wait(struct connection *connection)
{
	struct traffic *traffic = traffic_of(&connection->at);

	connection->sequence++;
	if (traffic)
		__sync_fetch_and_add(&traffic->arrived, 1);
	barrier();
	connection->state = CONNECTION_WAITING;
}

/* Pass it back, or give it up. */
static __always_inline void connection_settle(struct connection *connection, enum connection_state state)
{
	struct traffic *traffic = traffic_of(&connection->at);

	if (traffic)
		__sync_fetch_and_add(&traffic->ended, 1);
	barrier();
	connection->state = state;
}

/* The ring of a socket's events. Never NULL for the programs that user/capture.c has loaded. */
static __always_inline void *ring_of(__u64 socket)
{
	__u32 index = ring_count > 1 ? (__u32)(socket % ring_count) : 0;

	return bpf_map_lookup_elem(&rings, &index);
}

/* The reader looks every few milliseconds and is not woken for each event: that would cost the observed
 * process more than all the rest. A burst that would fill the ring by then wakes it, once for each stretch of
 * so many bytes. */
#define WAKE_BYTES (RING_SIZE / 8)

/* Submit a record of `size` bytes. Another CPU that reserves in between can hide one boundary; the next is
 * near. Arithmetic, because a branch would double the verifier's states from here on. */
static __always_inline void event_submit(void *ring, void *event, __u32 size)
{
	__u64 end = bpf_ringbuf_query(ring, BPF_RB_PROD_POS);
	__u64 crossed = (end / WAKE_BYTES ^ (end - size) / WAKE_BYTES) & 1;

	_Static_assert(BPF_RB_FORCE_WAKEUP == 2 * BPF_RB_NO_WAKEUP, "one shift between the two flags");
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP << crossed);
}

/* All but what only a program with an skb can ask: cookie and cgroup. */
static __always_inline void endpoint_fill(struct endpoint *at, const struct sock *sk)
{
	__u32 mapped[4];

	at->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	at->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	at->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	at->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (at->family == AF_INET6) {
		BPF_CORE_READ_INTO(&mapped, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr32);
		if (mapped[0] || mapped[1] || mapped[2] != bpf_htonl(0xffff)) {
			__builtin_memcpy(at->remote_address, mapped, 16);
			BPF_CORE_READ_INTO(&mapped, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32);
			__builtin_memcpy(at->local_address, mapped, 16);
			return;
		}
		at->family = AF_INET;
	}
	*(__u32 *)at->remote_address = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	*(__u32 *)at->local_address = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
}

static __always_inline void header_fill(struct event_header *header, const struct connection *connection,
					enum event_kind kind, __u64 time_ns)
{
	header->time_ns = time_ns;
	header->socket = connection->at.socket;
	header->kind = kind;
	header->flags = connection->midstream ? EVENT_MIDSTREAM : 0;
	header->netns = connection->at.netns;
}

/* A stream event but for its bytes, what was read, and more flags. */
static __always_inline void stream_fill(struct stream_event *event, const struct endpoint *at, __u64 now)
{
	event->header.time_ns = now;
	event->header.socket = at->socket;
	event->header.kind = EVENT_STREAM;
	event->header.flags = 0;
	event->header.netns = at->netns;
	event->arrival_ns = now;
	event->read_ns = 0;
	event->on_cpu_ns = 0;
	event->run_queue_ns = 0;
	event->cgroup = at->cgroup;
	event->len = 0;
	event->frame = NO_FRAME;
	event->local_port = at->local_port;
	event->remote_port = at->remote_port;
	event->family = at->family;
	__builtin_memset(event->reserved, 0, sizeof(event->reserved));
	__builtin_memcpy(event->local_address, at->local_address, 16);
	__builtin_memcpy(event->remote_address, at->remote_address, 16);
}

/* All of an exchange event but what only the sender of the answer knows; the request's bytes included. */
static __always_inline void exchange_fill(struct exchange_event *event, const struct connection *connection,
					  __u32 request_room)
{
	__u32 request_len = connection->request_len;

	event->arrival_ns = connection->arrival_ns;
	event->read_ns = connection->reading.time_ns;
	event->on_cpu_ns = 0;
	event->run_queue_ns = 0;
	event->previous_last_ns = connection->last_ns;
	event->request_start = connection->request_start;
	event->request_end = connection->request_end;
	event->response_end = connection->response_end;
	event->cgroup = connection->at.cgroup;
	event->tgid = connection->reading.tgid;
	event->sequence = connection->sequence;
	event->response_bytes = 0;
	event->request_len = request_len < request_room ? request_len : request_room;
	event->request_room = request_room;
	event->response_len = 0;
	event->local_port = connection->at.local_port;
	event->remote_port = connection->at.remote_port;
	event->family = connection->at.family;
	__builtin_memcpy(event->local_address, connection->at.local_address, 16);
	__builtin_memcpy(event->remote_address, connection->at.remote_address, 16);
	__builtin_memset(event->tail, 0, 8);
	/* In lines of 64 bytes as far as there is something: a copy of fixed size would cost 512 bytes each
	 * time. */
	for (__u32 at = 0; at < REQUEST_CAPTURE_MAX; at += 64) {
		if (at >= request_room || at >= request_len)
			break;
		__builtin_memcpy(event->data + at, connection->request + at, 64);
	}
}

#endif
