// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Watches what comes in on every TCP socket for requests, and keeps the one that waits in the socket's
// storage until bpf/answer.bpf.c sees its answer leave.
#include "early.bpf.h"
#include "network.bpf.h"
#include "connection.bpf.h"
#include "tls.bpf.h"

_Static_assert(REQUEST_CAPTURE_MAX == 512 && REQUEST_SPARE >= START_LEN, "the mask below is made for this");

static const struct early_request early_empty;

/* Keep the segment's bytes as far as there is room, at their place: segments may come out of order. */
static __always_inline void request_keep(struct __sk_buff *skb, struct connection *connection,
					 const struct segment *segment)
{
	__u32 at = segment->seq - seq_in(connection, connection->request_start);
	__u32 len = segment->len;

	/* The verifier bounds place and length, not their sum: hence the spare room behind request[]. */
	asm volatile("" : "+r"(at));
	if (at >= REQUEST_CAPTURE_MAX)
		return;
	if (!load_clamped(skb, segment->offset, connection->request + at, len, REQUEST_SPARE))
		return;
	if (len > REQUEST_SPARE)
		len = REQUEST_SPARE;
	len += at;
	if (len > REQUEST_CAPTURE_MAX)
		len = REQUEST_CAPTURE_MAX;
	if (len > connection->request_len)
		connection->request_len = len;
}

static __always_inline void request_begin(struct __sk_buff *skb, struct connection *connection,
					  const struct segment *segment, __u64 known, __u64 now)
{
	connection->arrival_ns = now;
	connection->request_start = position_in(connection, segment->seq, known);
	connection->reading.time_ns = 0;
	connection->reading.tgid = 0;
	connection->request_len = 0;
	if (load_clamped(skb, segment->offset, connection->request, segment->len, REQUEST_CAPTURE_MAX))
		connection->request_len =
			segment->len < REQUEST_CAPTURE_MAX ? segment->len : REQUEST_CAPTURE_MAX;
	if (!connection->at.traffic)
		traffic_find(&connection->at);
}

static __always_inline bool piece_send(struct __sk_buff *skb, const struct connection *connection,
				       const struct segment *piece, __u64 now, __u16 flags, const __u32 room)
{
	void *ring = ring_of(connection->at.socket);
	struct request_event *event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event) + room, 0) : NULL;

	if (!event)
		return false;
	header_fill(&event->header, connection, EVENT_REQUEST, now);
	event->header.flags |= flags;
	event->request_start = position_in(connection, piece->seq, seen_in(connection));
	event->response_end = connection->response_end;
	event->cgroup = connection->at.cgroup;
	event->request_bytes = piece->len;
	event->request_len = load_clamped(skb, piece->offset, event->data, piece->len, room) ? piece->len : 0;
	event->tgid = connection->reading.tgid;
	event->local_port = connection->at.local_port;
	event->reserved = 0;
	event_submit(ring, event, sizeof(*event) + room);
	return true;
}

/* One piece of at most PIECE_MAX bytes. `place` is its offset and, in the upper half, its length. A function
 * of its own, which the verifier reads once and not for each turn of its caller's loop. */
__noinline int request_piece(struct __sk_buff *skb, __u64 place, __u32 seq, __u32 flags)
{
	struct connection *connection = connection_of(skb);
	struct segment piece = {.offset = (__u32)place, .len = place >> 32, .seq = seq};
	__u64 now = bpf_ktime_get_ns();
	bool sent;

	if (!connection)
		return 0;
	sent = piece.len <= 256 ? piece_send(skb, connection, &piece, now, flags, 256)
				: piece_send(skb, connection, &piece, now, flags, PIECE_MAX);
	if (!sent)
		count(COUNT_LOST_REQUEST);
	return 0;
}

/* Hand the segment to user space, all of it. */
__noinline int request_stream(struct __sk_buff *skb, __u64 place, __u32 seq)
{
	struct connection *connection = connection_of(skb);
	__u32 offset = place, left = place >> 32;
	__u32 flags;

	if (!connection)
		return 0;
	flags = connection->state == CONNECTION_WAITING ? EVENT_BEHIND : 0;
	if (connection->request_tail == EMPTY_LINE)
		flags |= EVENT_AFTER_LINE;
	connection->streamed = 1;
	for (__u32 i = 0; i < 65536 / PIECE_MAX + 1; i++) {
		__u32 len = left < PIECE_MAX ? left : PIECE_MAX;

		if (!left)
			break;
		request_piece(skb, (__u64)len << 32 | offset, seq, flags);
		offset += len;
		seq += len;
		left -= len;
		flags &= ~EVENT_AFTER_LINE;
	}
	return 0;
}

/* Where in what is kept the first empty line ends; 0 if there is none. */
__noinline int request_find_line(struct __sk_buff *skb)
{
	struct connection *connection = connection_of(skb);

	if (!connection)
		return 0;
	for (__u32 i = 0; i <= REQUEST_CAPTURE_MAX - 4; i++) {
		if (i + 4 > connection->request_len)
			break;
		if (*(__u32 *)(connection->request + i) == EMPTY_LINE)
			return i + 4;
	}
	return 0;
}

__noinline int request_has_next(struct __sk_buff *skb)
{
	struct connection *connection = connection_of(skb);
	__u64 at = (__u32)request_find_line(skb);
	struct start start;

	if (!connection || !at || at > REQUEST_CAPTURE_MAX - 4 || at >= connection->request_len)
		return 0;
	/* What is kept may end within the next one's beginning. */
	start.len = connection->request_len - at < START_LEN ? connection->request_len - at : START_LEN;
	/* Older verifiers lose the bound that was just tested: say it to their face. Behind request[] there
	 * is room to spare. */
	asm volatile("%0 &= 511" : "+r"(at));
	__builtin_memcpy(start.bytes, connection->request + at, START_LEN);
	return start_is_request(&start);
}

/* Heads are searched for their end this far: the limit of most servers. */
#define HEAD_MAX 8192
/* Looked at together; an empty line that does not lie within them lies within the next, which overlap. */
#define LOOK_LEN 128
#define LOOK_STEP (LOOK_LEN - 4)

/* 0x80 in each byte of `word` that is the one which `pattern` repeats; seldom also in one above it. */
static __always_inline __u64 bytes_equal(__u64 word, __u64 pattern)
{
	word ^= pattern;
	return (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
}

/* Where among the eight bytes from `offset` on an empty line begins; -1 if none does. */
__noinline int empty_line_among(struct __sk_buff *skb, __u32 offset)
{
	for (__u32 i = 0; i < 8; i++) {
		__u32 word;

		if (bpf_skb_load_bytes(skb, offset + i, &word, sizeof(word)))
			break;
		if (word == EMPTY_LINE)
			return i;
	}
	return -1;
}

/* How far behind `offset`, within the next bytes, an empty line ends; 0 if it does not. A line feed before a
 * carriage return stands nowhere else in a head: eight bytes at a time are looked at for that. */
__noinline int look_for_line(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	__u64 words[LOOK_LEN / 8] = {};
	__u64 feed_before = 0;

	if (!load_clamped(skb, offset, words, len, LOOK_LEN))
		return 0;
	for (__u32 i = 0; i < LOOK_LEN / 8; i++) {
		__u64 feeds = bytes_equal(words[i], 0x0a0a0a0a0a0a0a0aULL);
		__u64 returns = bytes_equal(words[i], 0x0d0d0d0d0d0d0d0dULL);

		if ((feeds << 8 | feed_before) & returns) {
			/* The return is the line's third byte. */
			int found = empty_line_among(skb, offset + i * 8 - 2);

			if (found >= 0)
				return i * 8 - 2 + found + 4;
		}
		feed_before = feeds >> 56;
	}
	return 0;
}

__noinline int head_find_end(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	for (__u32 at = 0; at < HEAD_MAX && at < len; at += LOOK_STEP) {
		__u32 found = look_for_line(skb, offset + at, len - at);

		if (found)
			return at + found;
	}
	return 0;
}

/* Whether behind the head that the payload at `offset` begins with stands another one. */
__noinline int segment_has_next(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	__u32 head_len = head_find_end(skb, offset, len);
	struct segment next = {.offset = offset + head_len};
	struct start start;

	if (!head_len || head_len >= len)
		return 0;
	next.len = len - head_len;
	return start_load(skb, &next, &start) && start_is_request(&start);
}

static __always_inline void pieces_send(struct __sk_buff *skb, const struct segment *segment)
{
	request_stream(skb, (__u64)segment->len << 32 | segment->offset, segment->seq);
}

/* A connection without state whose payload begins no request. What was seen from its first byte on is
 * settled; what is older may be in the middle of a body and is looked at again. */
static __always_inline void not_a_request(struct bpf_sock *sk, const struct segment *segment,
					  const struct start *start)
{
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);

	if (!tcp)
		return;
	if (start_is_response(start)) { /* a client's socket */
		socket_ignore(sk);
		return;
	}
	/* Older than we are, or out of order: the beginning is yet to come. */
	if (tcp->bytes_received || segment->seq != tcp->rcv_nxt)
		return;
	/* Who has sent nothing yet is the server; the client's end of the same connection is not counted
	 * again. */
	if (!tcp->data_segs_out)
		count(COUNT_UNPARSED_OTHER);
	socket_ignore(sk);
}

/* A connection in TLS begins, or one that is older than ringside goes on. Of the server's end. */
static __always_inline bool is_tls(struct bpf_sock *sk, const struct start *start)
{
	struct tcp_sock *tcp;

	if (start->len < TLS_HEADER_LEN || !tls_header_is_plausible((const __u8 *)start->bytes))
		return false;
	tcp = bpf_skc_to_tcp_sock(sk);
	return tcp && BPF_CORE_READ(tcp, inet_conn.icsk_inet.sk.sk_max_ack_backlog);
}

static __always_inline void tls_begin(struct __sk_buff *skb, struct bpf_sock *sk,
				      const struct segment *segment)
{
	struct tls_socket *socket = bpf_sk_storage_get(&tls_sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	struct tcp_sock *kernel_tcp = bpf_skc_to_tcp_sock(sk);
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);

	if (!socket || !tcp || !kernel_tcp) {
		count(COUNT_LOST_STATE);
		return;
	}
	endpoint_fill(&socket->at, (struct sock *)kernel_tcp);
	socket->at.socket = bpf_get_socket_cookie(skb);
	socket->at.cgroup = bpf_skb_cgroup_id(skb);
	socket->midstream = tcp->bytes_received != 0;
	socket->next_seq_in = segment->seq;
	socket->arrival_ns = bpf_ktime_get_ns();
	tls_came(skb, (__u64)segment->len << 32 | segment->offset, segment->seq);
}

static __always_inline void early_keep(struct __sk_buff *skb, struct bpf_sock *sk,
				       const struct segment *segment)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct early_request *request;
	struct early_key key = {};

	if (!tcp)
		return;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		bpf_skb_load_bytes(skb, __builtin_offsetof(struct iphdr, saddr), key.remote_address, 4);
	else
		bpf_skb_load_bytes(skb, __builtin_offsetof(struct ipv6hdr, saddr), key.remote_address, 16);
	key.remote_port = segment->remote_port;
	key.local_port = segment->local_port;
	key.netns = BPF_CORE_READ(&tcp->inet_conn.icsk_inet.sk, __sk_common.skc_net.net, ns.inum);
	/* A retransmission of what is here already does not make it younger. */
	if (bpf_map_update_elem(&early_requests, &key, &early_empty, BPF_NOEXIST))
		return;
	request = bpf_map_lookup_elem(&early_requests, &key);
	if (!request)
		return;
	if (!load_clamped(skb, segment->offset, request->request, segment->len, REQUEST_CAPTURE_MAX))
		return;
	request->request_len = segment->len < REQUEST_CAPTURE_MAX ? segment->len : REQUEST_CAPTURE_MAX;
	request->request_bytes = segment->len;
	request->seq = segment->seq;
	request->arrival_ns = bpf_ktime_get_ns();
	early_last_ns = request->arrival_ns;
}

/* A request waits, and more comes in: its body, the rest of its head, or a request that does not wait for the
 * answer. */
static __always_inline void request_went_on(struct __sk_buff *skb, struct connection *connection,
					    const struct segment *segment, const struct start *start)
{
	bool all_kept = connection->request_end - connection->request_start == connection->request_len;
	bool head_ended = connection->request_tail == EMPTY_LINE || !all_kept;

	/* Behind a body that is longer than what is kept, too: user space tells a body from a request by its
	 * length. */
	if (start->len == START_LEN && start_is_request(start) && head_ended)
		pieces_send(skb, segment);
	else if (!head_ended)
		request_keep(skb, connection, segment);
}

static __always_inline void request_came(struct __sk_buff *skb, struct connection *connection,
					 const struct segment *segment, __u64 known)
{
	__u64 now = bpf_ktime_get_ns();

	request_begin(skb, connection, segment, known, now);
	/* More than what is kept, and another one in it: all of it goes to user space, none waits here. */
	if (segment->len > REQUEST_CAPTURE_MAX && segment_has_next(skb, segment->offset, segment->len))
		pieces_send(skb, segment);
	else
		connection_wait(connection);
}

/* A segment of a connection that is made of frames. What is missing comes later, out of order: from then on
 * user space gets everything and puts it in order. */
static __always_inline void frames_came(struct __sk_buff *skb, struct connection *connection,
					struct segment *segment)
{
	struct framing *framing = &connection->framing[DIRECTION_IN];
	__u64 known = seen_in(connection), position;
	__s64 ahead = (__s32)(segment->seq - seq_in(connection, known));

	if (ahead > 0)
		framing->raw = 1;
	if (ahead <= 0 && !framing->raw) {
		if (!segment_trim(segment, seq_in(connection, known)))
			return;
		ahead = 0;
	}
	position = known + ahead;
	frames_walk(skb, (__u64)segment->len << 32 | segment->offset, position, DIRECTION_IN);
	seen_move(connection, known, position + segment->len);
}

/* A connection that begins with the preface of HTTP/2, or one older than ringside that goes on with a request
 * of it. */
static __always_inline bool is_http2(struct __sk_buff *skb, struct bpf_sock *sk,
				     const struct segment *segment, const struct start *start)
{
	struct tcp_sock *kernel_tcp;
	struct bpf_tcp_sock *tcp;

	if (start_is_http2(start))
		return true;
	if (start->len < 9 || start->bytes[0] || (start->bytes[3] & 0xf0) || start->bytes[5] & 0x80)
		return false;
	tcp = bpf_tcp_sock(sk);
	kernel_tcp = bpf_skc_to_tcp_sock(sk);
	/* Only of an accepted connection what comes in is requests. */
	if (!tcp || !tcp->bytes_received || !kernel_tcp ||
	    !BPF_CORE_READ(kernel_tcp, inet_conn.icsk_inet.sk.sk_max_ack_backlog))
		return false;
	return frames_plausible(skb, segment->offset, segment->len) == 2;
}

static __always_inline struct connection *connection_http2(struct __sk_buff *skb, struct bpf_sock *sk,
							   const struct segment *segment,
							   const struct start *start)
{
	struct connection *connection = connection_new(sk);

	if (!connection)
		return NULL;
	connection_identify(skb, connection);
	connection_frame(connection, STREAM_HTTP2);
	if (!start_is_http2(start)) {
		connection->midstream = 1;
		connection->framing[DIRECTION_IN].payload_left = 0;
		connection->framing[DIRECTION_OUT].unaligned = 1;
	}
	traffic_find(&connection->at);
	connection->first_seq = segment->seq;
	connection->state = CONNECTION_FRAMED;
	return connection;
}

static __always_inline void segment_came_in(struct __sk_buff *skb)
{
	struct bpf_sock *sk = socket_of(skb);
	struct connection *connection;
	struct segment segment;
	struct start start;
	__u64 known = 0;

	if (!sk || sk->protocol != IPPROTO_TCP)
		return;
	connection = bpf_sk_storage_get(&connections, sk, 0, 0);
	if (connection && connection->state >= CONNECTION_UPGRADED)
		return;
	if (!connection && bpf_sk_storage_get(&ignored, sk, 0, 0))
		return;
	if (!segment_load(skb, &segment) || segment.len == 0)
		return;
	if (!connection && storage_in_tracing && bpf_sk_storage_get(&tls_sockets, sk, 0, 0)) {
		tls_came(skb, (__u64)segment.len << 32 | segment.offset, segment.seq);
		return;
	}
	if (connection && connection->state == CONNECTION_FRAMED) {
		frames_came(skb, connection, &segment);
		return;
	}
	if (connection)
		known = seen_in(connection);
	if (connection && known && !segment_trim(&segment, seq_in(connection, known))) {
		/* Seen before, or it fills a hole that a lost segment had left. */
		if (connection->state == CONNECTION_WAITING)
			request_keep(skb, connection, &segment);
		return;
	}
	if (!start_load(skb, &segment, &start))
		return;

	if (sk->state == BPF_TCP_LISTEN) {
		if (start_is_request(&start))
			early_keep(skb, sk, &segment);
		return;
	}
	if (!connection) {
		if (is_http2(skb, sk, &segment, &start)) {
			connection = connection_http2(skb, sk, &segment, &start);
			if (connection)
				frames_came(skb, connection, &segment);
			return;
		}
		if (storage_in_tracing && is_tls(sk, &start)) {
			tls_begin(skb, sk, &segment);
			return;
		}
		if (!start_is_request(&start)) {
			not_a_request(sk, &segment, &start);
			return;
		}
		connection = connection_new(sk);
		if (!connection)
			return;
		connection_identify(skb, connection);
	}
	if (!known)
		connection->first_seq = segment.seq;
	if (connection->streamed)
		pieces_send(skb, &segment);
	else if (connection->state == CONNECTION_WAITING)
		request_went_on(skb, connection, &segment, &start);
	else if (start_is_request(&start))
		request_came(skb, connection, &segment, known);
	else if (segment.seq != seq_in(connection, known))
		return; /* out of order: the beginning of this request is yet to come */
	/* Else the rest of a body that was answered before it was whole. */
	connection->request_tail = segment_last_word(skb, &segment);
	seen_move(connection, known, position_in(connection, segment.seq, known) + segment.len);
}

SEC("cgroup_skb/ingress")
int ringside_ingress(struct __sk_buff *skb)
{
	network_count(skb, NETWORK_IN);
	segment_came_in(skb);
	return 1;
}
