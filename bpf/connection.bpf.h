/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What both directions of a connection do with its state: find, make, identify, give up. */
#ifndef RINGSIDE_CONNECTION_BPF_H
#define RINGSIDE_CONNECTION_BPF_H

#include "segment.bpf.h"

/* The full socket; NULL for one that is still, or already, only a shadow of it (SYN received, TIME_WAIT). */
static __always_inline struct bpf_sock *socket_of(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk ? bpf_sk_fullsock(sk) : NULL;
}

static __always_inline void socket_ignore(struct bpf_sock *sk)
{
	bpf_sk_storage_get(&ignored, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
}

/* State for a socket that has none. */
static __always_inline struct connection *connection_new(struct bpf_sock *sk)
{
	struct connection *connection = bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);
	struct tcp_sock *kernel_tcp = bpf_skc_to_tcp_sock(sk);

	if (!connection || !tcp || !kernel_tcp) {
		count(COUNT_LOST_STATE);
		return NULL;
	}
	endpoint_fill(&connection->at, (struct sock *)kernel_tcp);
	connection->next_seq_out = tcp->snd_nxt;
	/* The first bytes of a connection are its first request's, if ringside saw it begin. */
	connection->midstream = tcp->bytes_received != 0;
	return connection;
}

/* How far what comes in was seen, read once: another CPU may move it meanwhile. */
static __always_inline __u64 seen_in(const struct connection *connection)
{
	return *(const volatile __u64 *)&connection->request_end;
}

/* The sequence number of a position of what comes in. */
static __always_inline __u32 seq_in(const struct connection *connection, __u64 position)
{
	return connection->first_seq + (__u32)position;
}

/* The position of a sequence number that is less than 2 GiB from the position `near`. */
static __always_inline __u64 position_in(const struct connection *connection, __u32 seq, __u64 near)
{
	return near + (__s32)(seq - seq_in(connection, near));
}

/* A segment has come in, of which all was seen up to `known`. */
static __always_inline void seen_move(struct connection *connection, __u64 known, __u64 end)
{
	struct traffic *traffic;

	if (end <= known)
		return;
	connection->request_end = end;
	traffic = traffic_of(&connection->at);
	if (traffic)
		__sync_fetch_and_add(&traffic->bytes_in, end - known);
}

/* What only a cgroup_skb program can ask. */
static __always_inline void connection_identify(struct __sk_buff *skb, struct connection *connection)
{
	connection->at.socket = bpf_get_socket_cookie(skb);
	connection->at.cgroup = bpf_skb_cgroup_id(skb);
}

/* Rare and long paths are global functions: the verifier looks at each once, not at each way of getting
 * there. They may take nothing but the context and numbers before 5.12, so they look up the connection anew.
 */
static __always_inline struct connection *connection_of(struct __sk_buff *skb)
{
	struct bpf_sock *sk = socket_of(skb);

	return sk ? bpf_sk_storage_get(&connections, sk, 0, 0) : NULL;
}

/* bpf/frames.bpf.c. Of one segment of a connection that is CONNECTION_FRAMED, tell user space what it needs.
 * `place`: offset of the payload and, in the upper half, its length; `position` of its first byte. */
int frames_walk(struct __sk_buff *skb, __u64 place, __u64 position, __u32 direction);
/* Whether the payload looks like frames of HTTP/2, without its beginning having been seen: 2 if a request or
 * an answer begins in it, 1 if not, 0 if it does not. */
int frames_plausible(struct __sk_buff *skb, __u32 offset, __u32 len);
/* The enum stream_protocol that the answer 101 in the payload switches to; STREAM_PROTOCOLS if it is none of
 * them. */
int upgrade_find(struct __sk_buff *skb, __u32 offset, __u32 len);
/* The length of the head that the payload begins with; 0 if it does not end in it. bpf/request.bpf.c. */
int head_find_end(struct __sk_buff *skb, __u32 offset, __u32 len);

/* From here on the connection is frames. The caller is the one writer of it, or makes it. */
static __always_inline void connection_frame(struct connection *connection, enum stream_protocol protocol)
{
	__builtin_memset(connection->framing, 0, sizeof(connection->framing));
	connection->protocol = protocol;
	connection->reading.time_ns = 0;
	/* The client's preface is no frame (RFC 9113 section 3.4). */
	connection->framing[DIRECTION_IN].payload_left =
		protocol == STREAM_HTTP2 ? 24 /* HTTP2_PREFACE_LEN */ : 0;
	connection->framing[DIRECTION_IN].told = 1;
	connection->framing[DIRECTION_IN].first = connection->request_end;
}

/* Whether a second request, or a body that looks like one, stands in what is kept of the first. Looks at each
 * byte: asked only where a segment is longer than what is kept of it. */
int request_has_next(struct __sk_buff *skb);

#endif
