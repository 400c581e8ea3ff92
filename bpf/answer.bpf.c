// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Watches what goes out on connections where a request waits: one event for the usual request and its answer,
// a small one for each later segment that may be the answer's end. user/connections.c makes exchanges of
// them.
#include "connection.bpf.h"
#include "early.bpf.h"
#include "network.bpf.h"
#include "phases.bpf.h"

/* Answers to pipelined requests share segments; one that is longer than this is one answer's body. */
#define STREAMED_SEGMENT_MAX 16384

/* Where what has come in ends: further than ingress knows where a request's beginning came last. */
static __always_inline __u64 request_end_of(const struct connection *connection, const struct tcp_sock *tcp,
					    __u16 flags)
{
	__u64 known = seen_in(connection), received;

	if (!tcp)
		return known;
	/* The end of the client's side takes a number of its own. */
	received = position_in(connection, tcp->rcv_nxt, known) - (flags & EVENT_CLIENT_LEFT ? 1 : 0);
	return received > known ? received : known;
}

/* Fill and send an exchange event whose parts have room for `request_room` and `response_room` bytes:
 * constants, because the ring reserves only what the verifier knows. */
static __always_inline bool exchange_send(struct __sk_buff *skb, struct connection *connection,
					  const struct segment *segment, struct tcp_sock *tcp, __u64 now,
					  __u16 flags, const __u32 request_room, const __u32 response_room)
{
	void *ring = ring_of(connection->at.socket);
	struct exchange_event *event;

	event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event) + request_room + response_room, 0) : NULL;
	if (!event)
		return false;
	header_fill(&event->header, connection, EVENT_EXCHANGE, now);
	event->header.flags |= flags;
	exchange_fill(event, connection, request_room);
	event->request_end = request_end_of(connection, tcp, flags);
	event->response_end = connection->response_end + segment->len;
	event->response_bytes = segment->len;
	phases_end(event, connection, tcp, now);
	segment_tail(skb, segment, event->tail);
	if (load_clamped(skb, segment->offset, event->data + request_room, segment->len, response_room))
		event->response_len = segment->len < response_room ? segment->len : response_room;
	event_submit(ring, event, sizeof(*event) + request_room + response_room);
	return true;
}

/* "HTTP/1.1 100", which no space and no reason need follow. */
#define STATUS_LINE_MIN 12
/* Early hints are as long as a page has links. */
#define INTERIM_MAX 2048

/* Where behind an interim answer, in the same segment, the real one begins; 0 if it does not. */
__noinline int find_answer(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	for (__u32 at = STATUS_LINE_MIN; at < INTERIM_MAX; at++) {
		__u64 mark;
		__u8 status;

		/* "\r\n\r\nHTTP", then "/1.1 " and the status. */
		if (at + 14 > len || bpf_skb_load_bytes(skb, offset + at, &mark, sizeof(mark)))
			break;
		if (mark == 0x505454480a0d0a0dULL && !bpf_skb_load_bytes(skb, offset + at + 13, &status, 1) &&
		    status != '1')
			return at + 4;
	}
	return 0;
}

/* "HTTP/1.1 100 Continue" and other 1xx but 101 do not answer; an answer may stand behind some in the same
 * segment. Moves the segment to the answer; false if there is none. */
static __always_inline bool skip_interim(struct __sk_buff *skb, struct segment *segment, struct start *start)
{
	__u32 at;

	if (start->len < STATUS_LINE_MIN || start->bytes[9] != '1' ||
	    (start->bytes[10] == '0' && start->bytes[11] == '1'))
		return true;
	at = find_answer(skb, segment->offset, segment->len);
	if (!at || at > segment->len)
		return false;
	segment->offset += at;
	segment->seq += at;
	segment->len -= at;
	return start_load(skb, segment, start);
}

static __always_inline bool response_send(struct __sk_buff *skb, struct connection *connection,
					  const struct segment *segment, __u64 now, __u32 len,
					  const __u32 room)
{
	void *ring = ring_of(connection->at.socket);
	struct response_event *event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event) + room, 0) : NULL;

	if (!event)
		return false;
	header_fill(&event->header, connection, EVENT_RESPONSE, now);
	event->header.flags |= segment->fin ? EVENT_FIN : 0;
	event->response_end =
		connection->response_end + (segment->seq - connection->next_seq_out) + segment->len;
	event->last_ns = segment->len ? now : connection->last_ns;
	event->response_bytes = segment->len;
	event->response_len = 0;
	segment_tail(skb, segment, event->tail);
	if (room && load_clamped(skb, segment->offset, event->data, len, room))
		event->response_len = len < room ? len : room;
	event_submit(ring, event, sizeof(*event) + room);
	return true;
}

/* Hand the segment to user space, all of it. `place` is its offset and, in the upper half, its length. */
__noinline int response_stream(struct __sk_buff *skb, __u64 place, __u32 seq, __u32 fin)
{
	struct connection *connection = connection_of(skb);
	struct segment piece = {.offset = (__u32)place, .seq = seq};
	__u32 left = place >> 32;
	__u64 now = bpf_ktime_get_ns();

	if (!connection)
		return 0;
	for (__u32 i = 0; i < STREAMED_SEGMENT_MAX / PIECE_MAX + 1; i++) {
		bool sent;

		/* What is left of a long segment goes in one: its length, its tail, and a little of its
		 * beginning. */
		piece.len = left <= PIECE_MAX || i == STREAMED_SEGMENT_MAX / PIECE_MAX ? left : PIECE_MAX;
		piece.fin = fin && piece.len == left;
		sent = piece.len <= 256 ? response_send(skb, connection, &piece, now, piece.len, 256)
					: response_send(skb, connection, &piece, now, piece.len, PIECE_MAX);
		if (!sent)
			count(COUNT_LOST_RESPONSE);
		else if (piece.fin)
			connection->fin_sent = 1;
		piece.offset += piece.len;
		piece.seq += piece.len;
		left -= piece.len;
		if (!left)
			break;
	}
	return 0;
}

static __always_inline void pieces_send(struct __sk_buff *skb, const struct segment *segment)
{
	response_stream(skb, (__u64)segment->len << 32 | segment->offset, segment->seq, segment->fin);
}

static __always_inline bool answer_send(struct __sk_buff *skb, struct connection *connection,
					const struct segment *segment, struct tcp_sock *tcp, __u64 now,
					__u16 flags)
{
	bool small = connection->request_len <= 128;

	if (segment->len <= 256)
		return small ? exchange_send(skb, connection, segment, tcp, now, flags, 128, 256)
			     : exchange_send(skb, connection, segment, tcp, now, flags, REQUEST_CAPTURE_MAX,
					     256);
	if (segment->len <= 512)
		return small ? exchange_send(skb, connection, segment, tcp, now, flags, 128, 512)
			     : exchange_send(skb, connection, segment, tcp, now, flags, REQUEST_CAPTURE_MAX,
					     512);
	return small ? exchange_send(skb, connection, segment, tcp, now, flags, 128, RESPONSE_CAPTURE_MAX)
		     : exchange_send(skb, connection, segment, tcp, now, flags, REQUEST_CAPTURE_MAX,
				     RESPONSE_CAPTURE_MAX);
}

/* Whether more than this request came: something stands behind its head, and it is no body, or the answer is
 * so long that another may stand behind it. */
static __always_inline bool is_pipelining(struct __sk_buff *skb, const struct connection *connection,
					  const struct segment *segment)
{
	bool bodiless = connection->request[0] != 'P'; /* POST, PUT, PATCH, PROPFIND */

	if (segment->len <= RESPONSE_CAPTURE_MAX && (!bodiless || connection->request_tail == EMPTY_LINE))
		return false;
	return request_has_next(skb);
}

/* The enum stream_protocol that was asked for; STREAM_PROTOCOLS if it does not stand in what was kept. */
__noinline int upgrade_asked(struct __sk_buff *skb)
{
	struct connection *connection = connection_of(skb);

	if (!connection)
		return STREAM_PROTOCOLS;
	for (__u32 i = 0; i < REQUEST_CAPTURE_MAX - 12; i++) {
		__u64 field, value;

		if (i + 12 > connection->request_len)
			break;
		__builtin_memcpy(&field, connection->request + i, sizeof(field));
		if ((field | SMALL_LETTERS) != UPGRADE_WORD)
			continue;
		__builtin_memcpy(&value, connection->request + i + 8, sizeof(value));
		return upgrade_value(value);
	}
	return STREAM_PROTOCOLS;
}

/* How much of the segment the head takes that has begun in the one before: the empty line may lie across
 * both. */
static __always_inline __u32 head_left(struct __sk_buff *skb, struct connection *connection, __u32 offset,
				       __u32 len)
{
	__u32 first = 0, head_len = 0;
	__u64 window;

	load_clamped(skb, offset, &first, len, sizeof(first));
	window = connection->upgrade_tail | (__u64)first << 32;
	for (__u32 i = 1; i < 4; i++)
		if (!head_len && i <= len && (__u32)(window >> (8 * i)) == EMPTY_LINE)
			head_len = i;
	connection->upgrade_tail = window >> (len < 4 ? 8 * len : 32);
	return head_len;
}

/* Of a segment that holds an answer 101 or goes on with the head of one: the enum connection_state behind it.
 * Frames may stand in the same segment. */
__noinline int upgrade_state(struct __sk_buff *skb, __u64 place, __u32 seq)
{
	struct connection *connection = connection_of(skb);
	__u32 offset = place, len = place >> 32, head_len = 0, protocol = STREAM_PROTOCOLS;
	const struct segment segment = {.offset = offset, .len = len};
	bool goes_on;

	if (!connection)
		return CONNECTION_IDLE;
	goes_on = connection->upgrading;
	if (goes_on) {
		protocol = connection->upgrading - 1;
		head_len = head_left(skb, connection, offset, len);
	}
	if (!head_len)
		head_len = head_find_end(skb, offset, len);
	if (protocol >= STREAM_PROTOCOLS)
		protocol = upgrade_find(skb, offset, len);
	if (!head_len || head_len > len) {
		connection->upgrading = protocol + 1;
		if (len >= 4)
			connection->upgrade_tail = segment_last_word(skb, &segment);
		return CONNECTION_IDLE;
	}
	connection->upgrading = 0;
	/* The field may lie across two segments. */
	if (protocol >= STREAM_PROTOCOLS && goes_on)
		protocol = upgrade_asked(skb);
	if (protocol >= STREAM_PROTOCOLS)
		return CONNECTION_UPGRADED;
	connection_frame(connection, protocol);
	if (head_len < len)
		frames_walk(skb, (__u64)(len - head_len) << 32 | (offset + head_len),
			    connection->response_end + (seq - connection->next_seq_out) + head_len,
			    DIRECTION_OUT);
	return CONNECTION_FRAMED;
}

static __always_inline enum connection_state state_behind(struct __sk_buff *skb,
							  const struct segment *segment)
{
	return upgrade_state(skb, (__u64)segment->len << 32 | segment->offset, segment->seq);
}

static __always_inline void answer_began(struct __sk_buff *skb, struct connection *connection,
					 struct bpf_sock *sk, const struct segment *segment,
					 const struct start *start, __u64 now)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	__u16 flags = sk->state == BPF_TCP_CLOSE_WAIT ? EVENT_CLIENT_LEFT : 0;
	struct segment first = *segment, rest = *segment;

	if (!connection->streamed && is_pipelining(skb, connection, segment)) {
		connection->streamed = 1;
		flags |= EVENT_STREAMED;
	}
	if (connection->streamed && segment->len > RESPONSE_CAPTURE_MAX) {
		first.len = RESPONSE_CAPTURE_MAX;
		first.fin = false;
	}
	rest.offset += first.len;
	rest.seq += first.len;
	rest.len -= first.len;
	flags |= first.fin ? EVENT_FIN : 0;
	if (!answer_send(skb, connection, &first, tcp, now, flags))
		count(COUNT_LOST_EXCHANGE);
	else if (first.fin)
		connection->fin_sent = 1;
	if (rest.len)
		pieces_send(skb, &rest);
	/* A head that ends with the segment needs no more; otherwise it may go on in the next. */
	connection->capture_left = 0;
	if (segment->len < RESPONSE_CAPTURE_MAX && segment_last_word(skb, segment) != EMPTY_LINE)
		connection->capture_left = RESPONSE_CAPTURE_MAX - segment->len;
	connection->answered = 1;
	if (start->len >= STATUS_LINE_MIN && start->bytes[9] == '1')
		connection_settle(connection, state_behind(skb, segment));
	else
		connection_settle(connection, CONNECTION_IDLE);
}

static __always_inline void answer_went_on(struct __sk_buff *skb, struct connection *connection,
					   struct bpf_sock *sk, const struct segment *segment,
					   const struct start *start, __u64 now)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	bool next = segment->len && start_is_response(start);
	__u32 len = next ? RESPONSE_CAPTURE_MAX : connection->capture_left;
	bool sent, upgrading;

	if (connection->streamed) {
		pieces_send(skb, segment);
		return;
	}
	upgrading = connection->upgrading && connection->capture_left && segment->len;
	if (len > segment->len)
		len = segment->len;
	if (!next)
		connection->capture_left -= len;
	/* The end of an answer empties the send queue: other segments need not be told. */
	if (!next && !len && !segment->fin && tcp && tcp->write_seq != segment->seq + segment->len)
		return;
	sent = len ? response_send(skb, connection, segment, now, len, RESPONSE_CAPTURE_MAX)
		   : response_send(skb, connection, segment, now, 0, 0);
	if (!sent)
		count(COUNT_LOST_RESPONSE);
	else if (segment->fin)
		connection->fin_sent = 1;
	if (upgrading)
		connection->state = state_behind(skb, segment);
}

/* On kernels without socket storage for tracepoints, the connection of an early request gets its state only
 * here. */
static __always_inline struct connection *connection_of_early(struct bpf_sock *sk)
{
	struct connection *connection = connection_new(sk);

	if (connection && early_claim(connection))
		return connection;
	bpf_sk_storage_delete(&connections, sk);
	return NULL;
}

/* Something else than HTTP was said where an answer was due. False if the connection is given up. */
static __always_inline bool not_an_answer(struct connection *connection, struct bpf_sock *sk)
{
	bool waiting = connection->state == CONNECTION_WAITING;

	if (waiting)
		connection_settle(connection, CONNECTION_IDLE);
	/* The end of an answer to something older than ringside: the request was none, the next one may be.
	 */
	if (connection->midstream)
		return true;
	if (waiting)
		count(COUNT_UNPARSED_OTHER);
	bpf_sk_storage_delete(&connections, sk);
	socket_ignore(sk);
	return false;
}

/* Where no tracepoint tells of the connection's end, our side's is it. */
static __always_inline void frames_end(const struct connection *connection, __u64 now)
{
	void *ring = ring_of(connection->at.socket);
	struct response_event *event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event), 0) : NULL;

	if (!event) {
		count(COUNT_LOST_CLOSE);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	header_fill(&event->header, connection, EVENT_CLOSE, now);
	event->last_ns = now;
	event_submit(ring, event, sizeof(*event));
}

static __always_inline void frames_leave(struct __sk_buff *skb, struct connection *connection,
					 const struct segment *segment, __u64 now)
{
	struct framing *framing = &connection->framing[DIRECTION_OUT];
	struct traffic *traffic;

	if (segment->fin && !storage_in_tracing)
		frames_end(connection, now);
	if (!segment->len)
		return;
	if (framing->unaligned && frames_plausible(skb, segment->offset, segment->len))
		framing->unaligned = 0;
	if (!framing->unaligned)
		frames_walk(skb, (__u64)segment->len << 32 | segment->offset,
			    connection->response_end + (segment->seq - connection->next_seq_out),
			    DIRECTION_OUT);
	connection->response_end += segment->seq + segment->len - connection->next_seq_out;
	connection->next_seq_out = segment->seq + segment->len;
	connection->last_ns = now;
	traffic = traffic_of(&connection->at);
	if (traffic)
		__sync_fetch_and_add(&traffic->bytes_out, segment->len);
}

static __always_inline void segment_goes_out(struct __sk_buff *skb)
{
	struct bpf_sock *sk = socket_of(skb);
	struct connection *connection;
	struct traffic *traffic;
	struct segment segment;
	struct start start;
	__u64 now;

	if (!sk || sk->protocol != IPPROTO_TCP)
		return;
	connection = bpf_sk_storage_get(&connections, sk, 0, 0);
	if (!connection && !(early_last_ns && early_worth_a_look(bpf_ktime_get_ns())))
		return;
	if (connection && connection->state >= CONNECTION_UPGRADED)
		return;
	if (!segment_load(skb, &segment) || (segment.len == 0 && !segment.fin))
		return;
	if (!connection) {
		if (segment.len == 0)
			return;
		connection = connection_of_early(sk);
		if (!connection)
			return;
	}
	if (!connection->at.socket)
		connection_identify(skb, connection);
	if (!segment_trim(&segment, connection->next_seq_out))
		return;
	now = bpf_ktime_get_ns();
	if (connection->state == CONNECTION_FRAMED) {
		frames_leave(skb, connection, &segment, now);
		return;
	}
	if (segment.len == 0) {
		if ((connection->answered || connection->streamed) && !connection->fin_sent &&
		    connection->state == CONNECTION_IDLE)
			answer_went_on(skb, connection, sk, &segment, &start, now);
		return;
	}
	if (!start_load(skb, &segment, &start))
		return;
	if (connection->state == CONNECTION_WAITING && start_is_response(&start)) {
		__u32 before = segment.len;

		if (!skip_interim(skb, &segment, &start)) {
			connection->response_end += before;
			connection->next_seq_out = segment.seq + before;
			return;
		}
		connection->response_end += before - segment.len;
		connection->next_seq_out = segment.seq;
		answer_began(skb, connection, sk, &segment, &start, now);
	} else if (connection->answered || connection->streamed) {
		connection->answered = 1;
		answer_went_on(skb, connection, sk, &segment, &start, now);
	} else if (!not_an_answer(connection, sk)) {
		return;
	}
	connection->response_end += segment.seq + segment.len - connection->next_seq_out;
	connection->next_seq_out = segment.seq + segment.len;
	connection->last_ns = now;
	traffic = traffic_of(&connection->at);
	if (traffic)
		__sync_fetch_and_add(&traffic->bytes_out, segment.len);
}

SEC("cgroup_skb/egress")
int ringside_egress(struct __sk_buff *skb)
{
	network_count(skb, NETWORK_OUT);
	segment_goes_out(skb);
	return 1;
}
