// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Decides what the plaintext of a connection is, and tells user space pieces of it: of HTTP/1 the heads and
// the beginnings of bodies, of HTTP/2 and WebSocket the frames without payloads that say nothing.
//
// Everything is looked up by the socket's cookie in functions that the verifier reads once.
#include "phases.bpf.h"
#include "tls.bpf.h"

/* Of what is longer than a piece, and begins no request: part of a body. */
#define BODY_TOLD 256

/* Up to `max` of the `len` bytes at an address of the current process. */
static __always_inline bool user_load_clamped(__u64 address, void *ret_bytes, __u32 len, const __u32 max)
{
	__u32 last;

	if (!len)
		return false;
	last = (len > max ? max : len) - 1;
	asm volatile("" : "+r"(last));
	if (last >= max)
		return false;
	return !bpf_probe_read_user(ret_bytes, last + 1, (void *)address);
}

static __always_inline bool user_start(__u64 buffer, __u32 len, struct start *ret_start)
{
	__builtin_memset(ret_start->bytes, 0, START_LEN);
	ret_start->len = len < START_LEN ? len : START_LEN;
	return user_load_clamped(buffer, ret_start->bytes, len, START_LEN);
}

__noinline int user_is_request(__u64 buffer, __u32 len)
{
	struct start start;

	/* The beginning of a word may be anything. */
	return len >= START_LEN && user_start(buffer, len, &start) && start_is_request(&start);
}

static __always_inline void user_tail(__u64 buffer, __u32 len, __u8 *ret_tail)
{
	__u64 word = 0;

	if (len >= 8)
		bpf_probe_read_user(&word, 8, (void *)(buffer + len - 8));
	else if (user_load_clamped(buffer, &word, len, 7))
		word <<= 8 * (8 - len);
	__builtin_memcpy(ret_tail, &word, 8);
}

/* What the thread did since it read, with the first that goes out in answer to something. */
static __always_inline void phases_add(struct stream_event *event, struct tls_connection *connection,
				       __u64 now)
{
	struct reading answer;

	if (!connection->asked)
		return;
	connection->asked = 0;
	reading_now(&answer, false);
	if (phases_between(&connection->reading, &answer, now, &event->on_cpu_ns, &event->run_queue_ns))
		event->header.flags |= EVENT_SAME_THREAD;
}

/* `lens`: bytes that the piece stands for, and in the upper half how many are captured. `what`: direction,
 * and from bit 8 on where its first frame begins. */
static __always_inline bool piece_send(struct tls_connection *connection, __u64 buffer, __u64 position,
				       __u64 lens, __u32 what, const __u32 room)
{
	void *ring = ring_of(connection->at.socket);
	struct stream_event *event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event) + room, 0) : NULL;
	__u32 bytes = lens, captured = lens >> 32;
	enum direction direction = what & 1;
	__u64 now = bpf_ktime_get_ns();

	if (!event)
		return false;
	stream_fill(event, &connection->at, now);
	event->header.flags |= EVENT_TLS | (connection->midstream ? EVENT_MIDSTREAM : 0);
	event->position = position;
	event->bytes = bytes;
	event->frame = what >> 8;
	event->protocol = connection->protocol;
	event->tgid = bpf_get_current_pid_tgid() >> 32;
	if (direction == DIRECTION_OUT) {
		event->header.flags |= EVENT_OUT;
		phases_add(event, connection, now);
	} else {
		event->arrival_ns = connection->arrival_ns ? connection->arrival_ns : now;
		event->read_ns = connection->reading.time_ns;
	}
	user_tail(buffer, bytes, event->tail);
	if (user_load_clamped(buffer, event->data, captured, room))
		event->len = captured < room ? captured : room;
	event_submit(ring, event, sizeof(*event) + room);
	return true;
}

__noinline int tls_piece(__u64 cookie, __u64 buffer, __u64 position, __u64 lens, __u32 what)
{
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &cookie);
	bool sent;

	if (!connection)
		return 0;
	sent = lens >> 32 <= 256    ? piece_send(connection, buffer, position, lens, what, 256)
	       : lens >> 32 <= 1024 ? piece_send(connection, buffer, position, lens, what, 1024)
				    : piece_send(connection, buffer, position, lens, what, PIECE_MAX);
	if (!sent)
		count(COUNT_LOST_STREAM);
	return 0;
}

/* Frames: as bpf/frames.bpf.c does, of memory. */

/* Longer calls than this are walked in parts: a read gives out a record, a write may take any length. */
#define WALK_MAX 65536

__noinline int tls_frames_tell(__u64 cookie, __u64 buffer, __u32 end, __u32 direction)
{
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &cookie);
	struct framing *framing;
	__u32 offset, frame;

	if (!connection)
		return 0;
	framing = &connection->framing[direction & 1];
	offset = framing->untold;
	frame = framing->frame;
	for (__u32 i = 0; i < WALK_MAX / PIECE_MAX + 1; i++) {
		__u32 len = end - offset;

		if (offset >= end)
			break;
		if (len > PIECE_MAX)
			len = PIECE_MAX;
		tls_piece(cookie, buffer + offset, framing->begin + offset, (__u64)len << 32 | len,
			  (direction & 1) | (frame < len ? frame : NO_FRAME) << 8);
		frame = frame >= len && frame != NO_FRAME ? frame - len : NO_FRAME;
		offset += len;
	}
	if (offset < end)
		count(COUNT_LOST_STREAM);
	framing->untold = framing->at;
	framing->frame = NO_FRAME;
	return 0;
}

__noinline int tls_frames_go_on(__u64 cookie, __u64 buffer, __u32 end, __u32 direction)
{
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &cookie);
	struct framing *framing;

	if (!connection)
		return 0;
	framing = &connection->framing[direction & 1];
	if (framing->raw || framing->at >= end ||
	    !frames_turn(framing, connection->protocol, NULL, buffer, end, true))
		return 0;
	if (framing->passed)
		tls_frames_tell(cookie, buffer, framing->at - framing->passed, direction);
	return 1;
}

__noinline int tls_frames_walk(__u64 cookie, __u64 buffer, __u32 len, __u32 direction, __u64 position)
{
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &cookie);
	struct framing *framing;

	if (!connection)
		return 0;
	framing = &connection->framing[direction & 1];
	frames_begin(framing, 0, position);
	for (__u32 i = 0; i < TURNS_MAX; i++)
		if (!tls_frames_go_on(cookie, buffer, len, direction))
			break;
	if (framing->at < len) {
		framing->raw = 1;
		framing->at = len;
	}
	tls_frames_tell(cookie, buffer, len, direction);
	return 0;
}

/* What is left behind so many is the payload of one frame, most of it: one walk more passes over it. */
#define WALKS_MAX 32

__noinline int tls_frames_told(__u64 cookie, __u64 buffer, __u32 len, __u32 direction, __u64 position)
{
	for (__u32 i = 0; i < WALKS_MAX; i++) {
		if (len <= WALK_MAX)
			break;
		tls_frames_walk(cookie, buffer, WALK_MAX, direction, position);
		buffer += WALK_MAX;
		position += WALK_MAX;
		len -= WALK_MAX;
	}
	tls_frames_walk(cookie, buffer, len, direction, position);
	return 0;
}

/* HTTP/1. */

__noinline int tls_http1_in(__u64 cookie, __u64 buffer, __u32 len, __u64 position, __u32 is_request)
{
	for (__u32 i = 0; i < 65536 / PIECE_MAX; i++) {
		__u32 piece = len < PIECE_MAX || (!is_request && len > PIECE_MAX) ? len : PIECE_MAX;
		__u32 captured = piece > PIECE_MAX ? BODY_TOLD : piece;

		if (!len)
			break;
		tls_piece(cookie, buffer, position, (__u64)captured << 32 | piece,
			  DIRECTION_IN | NO_FRAME << 8);
		buffer += piece;
		position += piece;
		len -= piece;
	}
	return 0;
}

static __always_inline void http1_out(__u64 cookie, __u64 buffer, __u32 len, __u64 position)
{
	__u32 captured = len < RESPONSE_CAPTURE_MAX ? len : RESPONSE_CAPTURE_MAX;

	tls_piece(cookie, buffer, position, (__u64)captured << 32 | len, DIRECTION_OUT | NO_FRAME << 8);
}

#define UPGRADE_HEAD_MAX 1024

/* What stands at an address of an answer's head: 1, a field that upgrades to WebSocket; 2, the head's last
 * four bytes. */
__noinline int user_upgrade_at(__u64 address)
{
	__u32 end, value;
	__u64 word;

	if (!bpf_probe_read_user(&end, sizeof(end), (void *)address) && end == EMPTY_LINE)
		return 2;
	if (bpf_probe_read_user(&word, sizeof(word), (void *)address) ||
	    (word | SMALL_LETTERS) != UPGRADE_WORD ||
	    bpf_probe_read_user(&value, sizeof(value), (void *)(address + 8)))
		return 0;
	return upgrade_value(value) == STREAM_WEBSOCKET;
}

/* The length of a head that upgrades to WebSocket; 0 if it does not, or does not end here. */
__noinline int user_upgrade_find(__u64 buffer, __u32 len)
{
	int found = 0;

	for (__u32 at = 0; at < UPGRADE_HEAD_MAX; at++) {
		int what;

		if (at >= len)
			break;
		what = user_upgrade_at(buffer + at);
		if (what == 2)
			return found ? at + 4 : 0;
		found |= what;
	}
	return 0;
}

/* What plaintext begins with. */
enum begins {
	BEGINS_UNREADABLE,
	BEGINS_OTHERWISE,
	BEGINS_REQUEST,
	BEGINS_UNUSUAL, /* a request with a method that few know, or part of one */
	BEGINS_PREFACE,
	BEGINS_HEADERS,
	BEGINS_SWITCH
};

static __always_inline bool is_switch(const struct start *start)
{
	return start_is_response(start) && start->len >= 12 && start->bytes[9] == '1' &&
	       start->bytes[10] == '0' && start->bytes[11] == '1';
}

/* An enum begins. A function of numbers, as the next ones: the verifier would follow each way through one
 * with each of the others. */
__noinline int user_begins(__u64 buffer, __u32 len, __u32 direction)
{
	struct start start;

	if (!user_start(buffer, len, &start))
		return BEGINS_UNREADABLE;
	if (direction == DIRECTION_OUT)
		return is_switch(&start) ? BEGINS_SWITCH : BEGINS_OTHERWISE;
	if (start_is_http2(&start))
		return BEGINS_PREFACE;
	if (start_is_http2_headers(&start))
		return BEGINS_HEADERS;
	if (start_has_usual_method(&start))
		return BEGINS_REQUEST;
	return start_is_request(&start) ? BEGINS_UNUSUAL : BEGINS_OTHERWISE;
}

__noinline int tls_upgrade(__u64 cookie, __u64 buffer, __u32 len, __u64 position)
{
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &cookie);
	__u32 head_len = user_upgrade_find(buffer, len);

	if (!connection)
		return 0;
	if (!head_len || head_len > len) {
		connection->state = TLS_IGNORED;
		return 0;
	}
	__builtin_memset(connection->framing, 0, sizeof(connection->framing));
	connection->protocol = STREAM_WEBSOCKET;
	connection->state = TLS_FRAMED;
	if (head_len < len)
		tls_frames_told(cookie, buffer + head_len, len - head_len, DIRECTION_OUT,
				position + head_len);
	return 0;
}

__noinline int user_frame_look(__u64 address)
{
	return frame_look(NULL, address, 0, true);
}

/* Whether the memory looks like frames of HTTP/2: as frames_plausible() of bpf/frames.bpf.c. */
__noinline int user_frames_plausible(__u64 buffer, __u32 len)
{
	__u32 at = 0, look, found = 0;

	for (__u32 i = 0; i < PLAUSIBLE_MAX; i++) {
		if (at + HTTP2_HEADER_LEN > len)
			break;
		look = user_frame_look(buffer + at);
		if (!look)
			return 0;
		found |= look & 3;
		at += look >> 2;
	}
	return found > 2 ? 2 : found;
}

/* What is looked at in vain of a connection before it is given up: a long body may come first. */
#define TRIES_MAX 1000

static __always_inline void decide_framed(struct tls_connection *connection, bool at_preface)
{
	connection->state = TLS_FRAMED;
	connection->protocol = STREAM_HTTP2;
	connection->framing[DIRECTION_IN].payload_left = at_preface ? HTTP2_PREFACE_LEN : 0;
	connection->framing[DIRECTION_IN].told = 1;
	connection->framing[DIRECTION_OUT].unaligned = !at_preface;
	if (!at_preface)
		connection->midstream = 1;
}

/* The first thing that is asked decides. It need not be the first that was: the connection, or the process,
 * may be older than ringside or than the probes on its library. */
static __always_inline void decide(struct tls_connection *connection, enum begins begins, __u64 buffer,
				   __u32 len)
{
	if (begins == BEGINS_PREFACE) {
		decide_framed(connection, true);
	} else if (begins == BEGINS_REQUEST || (begins == BEGINS_UNUSUAL && !connection->midstream)) {
		connection->state = TLS_HTTP1;
		connection->protocol = STREAM_HTTP1;
	} else if (begins == BEGINS_HEADERS && user_frames_plausible(buffer, len) == 2) {
		decide_framed(connection, false);
	} else if (++connection->tries == TRIES_MAX) {
		connection->state = TLS_IGNORED;
		count(COUNT_UNPARSED_OTHER);
	}
	if (connection->tries && connection->state != TLS_UNDECIDED)
		connection->midstream = 1;
}

/* Whether frames can be followed: what goes out on a connection of whose beginning nothing was seen must
 * first look like one. */
static __always_inline bool framing_begins(struct tls_connection *connection, __u64 buffer, __u32 len,
					   __u32 direction)
{
	struct framing *framing = &connection->framing[direction & 1];

	if (direction == DIRECTION_IN)
		connection->asked = 1;
	if (framing->unaligned && user_frames_plausible(buffer, len))
		framing->unaligned = 0;
	return !framing->unaligned;
}

static __always_inline void traffic_add(struct tls_connection *connection, __u32 len, __u32 direction)
{
	struct traffic *traffic;

	if (!connection->at.traffic && direction == DIRECTION_IN)
		traffic_find(&connection->at);
	traffic = traffic_of(&connection->at);
	if (traffic)
		__sync_fetch_and_add(direction == DIRECTION_IN ? &traffic->bytes_in : &traffic->bytes_out,
				     len);
}

__noinline int tls_tell(__u64 cookie, __u64 buffer, __u32 len, __u32 direction)
{
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &cookie);
	enum begins begins;
	bool is_request;
	__u64 position;

	if (!connection || connection->state == TLS_IGNORED)
		return 0;
	begins = user_begins(buffer, len, direction);
	position = connection->position[direction & 1];
	connection->position[direction & 1] = position + len;
	if (begins == BEGINS_UNREADABLE) {
		count(COUNT_LOST_STREAM);
		return 0;
	}
	if (connection->state == TLS_UNDECIDED && direction == DIRECTION_IN) {
		decide(connection, begins, buffer, len);
		/* Positions count from the first request on: what went out before answered something unseen.
		 */
		position = 0;
		connection->position[DIRECTION_IN] = len;
		connection->position[DIRECTION_OUT] = 0;
	}
	if (connection->state == TLS_UNDECIDED || connection->state == TLS_IGNORED)
		return 0;
	traffic_add(connection, len, direction);
	if (connection->state == TLS_FRAMED) {
		if (framing_begins(connection, buffer, len, direction))
			tls_frames_told(cookie, buffer, len, direction, position);
	} else if (direction == DIRECTION_IN) {
		is_request = begins == BEGINS_REQUEST || begins == BEGINS_UNUSUAL;
		connection->asked |= is_request;
		tls_http1_in(cookie, buffer, len, position, is_request);
	} else {
		http1_out(cookie, buffer, len, position);
		if (begins == BEGINS_SWITCH)
			tls_upgrade(cookie, buffer, len, position);
	}
	return 0;
}
