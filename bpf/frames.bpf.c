// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Tells user space the frames of HTTP/2 and WebSocket connections in plaintext, both directions, without the
// payloads that say nothing. user/http2_connections.c and user/websockets.c read them.
#include "connection.bpf.h"
#include "frames.bpf.h"

static __always_inline bool piece_send(struct __sk_buff *skb, struct connection *connection, __u64 place,
				       __u64 position, enum direction direction, __u16 frame,
				       const __u32 room)
{
	void *ring = ring_of(connection->at.socket);
	struct stream_event *event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event) + room, 0) : NULL;
	struct segment piece = {.offset = (__u32)place, .len = place >> 32};
	const struct framing *framing = &connection->framing[direction & 1];
	__u64 now = bpf_ktime_get_ns();

	if (!event)
		return false;
	stream_fill(event, &connection->at, now);
	event->header.flags |= connection->midstream ? EVENT_MIDSTREAM : 0;
	event->header.flags |= direction == DIRECTION_OUT ? EVENT_OUT : 0;
	event->position = position;
	event->read_ns = connection->reading.time_ns;
	event->bytes = piece.len;
	event->tgid = connection->reading.tgid;
	event->frame = frame;
	if (framing->raw) {
		event->header.flags |= EVENT_RAW;
		if (position == framing->first)
			event->frame = 0;
	}
	event->protocol = connection->protocol;
	segment_tail(skb, &piece, event->tail);
	if (load_clamped(skb, piece.offset, event->data, piece.len, room))
		event->len = piece.len < room ? piece.len : room;
	event_submit(ring, event, sizeof(*event) + room);
	/* A reader that comes right now may go unseen: both are rare together, and the next read is seen. */
	connection->reading.time_ns = 0;
	return true;
}

/* One piece of at most PIECE_MAX bytes. `place` is its offset and, in the upper half, its length; `what` its
 * direction and, from bit 8 on, where its first frame begins. */
__noinline int frames_piece(struct __sk_buff *skb, __u64 place, __u64 position, __u32 what)
{
	struct connection *connection = connection_of(skb);
	enum direction direction = what & 1;
	bool sent;

	if (!connection)
		return 0;
	sent = place >> 32 <= 256
		       ? piece_send(skb, connection, place, position, direction, what >> 8, 256)
		       : piece_send(skb, connection, place, position, direction, what >> 8, PIECE_MAX);
	if (!sent)
		count(COUNT_LOST_STREAM);
	return 0;
}

/* What was not told yet, up to `end`, in pieces. */
__noinline int frames_tell(struct __sk_buff *skb, __u32 end, __u32 direction)
{
	struct connection *connection = connection_of(skb);
	struct framing *framing;
	__u32 offset, frame;
	__u64 position;

	if (!connection)
		return 0;
	framing = &connection->framing[direction & 1];
	offset = framing->untold;
	frame = framing->frame;
	position = framing->begin + offset;
	for (__u32 i = 0; i < 65536 / PIECE_MAX + 1; i++) {
		__u32 len = end - offset;

		if (offset >= end)
			break;
		if (len > PIECE_MAX)
			len = PIECE_MAX;
		frames_piece(skb, (__u64)len << 32 | offset, position,
			     (direction & 1) | (frame < len ? frame : NO_FRAME) << 8);
		frame = frame >= len && frame != NO_FRAME ? frame - len : NO_FRAME;
		offset += len;
		position += len;
	}
	framing->untold = framing->at;
	framing->frame = NO_FRAME;
	return 0;
}

/* All of a segment as it is. Uses nothing of the state: under load the loopback hands segments of one
 * connection to two CPUs at once, in any order, and what comes too early may pass here while what it follows
 * is still walked. */
__noinline int frames_tell_raw(struct __sk_buff *skb, __u64 place, __u64 position, __u32 direction)
{
	__u32 offset = place, left = place >> 32;

	for (__u32 i = 0; i < 65536 / PIECE_MAX + 1; i++) {
		__u32 len = left < PIECE_MAX ? left : PIECE_MAX;

		if (!left)
			break;
		frames_piece(skb, (__u64)len << 32 | offset, position, (direction & 1) | NO_FRAME << 8);
		offset += len;
		position += len;
		left -= len;
	}
	return 0;
}

/* One turn. 0 once there is nothing more to walk. */
__noinline int frames_go_on(struct __sk_buff *skb, __u32 end, __u32 direction)
{
	struct connection *connection = connection_of(skb);
	struct framing *framing;

	if (!connection)
		return 0;
	framing = &connection->framing[direction & 1];
	if (framing->raw || framing->at >= end ||
	    !frames_turn(framing, connection->protocol, skb, 0, end, false))
		return 0;
	if (framing->passed)
		frames_tell(skb, framing->at - framing->passed, direction);
	return 1;
}

__noinline int frames_walk(struct __sk_buff *skb, __u64 place, __u64 position, __u32 direction)
{
	struct connection *connection = connection_of(skb);
	__u32 begin = place, end = begin + (__u32)(place >> 32);
	struct framing *framing;

	if (!connection)
		return 0;
	framing = &connection->framing[direction & 1];
	if (framing->raw) {
		frames_tell_raw(skb, place, position, direction);
		return 0;
	}
	frames_begin(framing, begin, position);
	for (__u32 i = 0; i < TURNS_MAX; i++)
		if (!frames_go_on(skb, end, direction))
			break;
	if (framing->at < end) {
		framing->raw = 1;
		framing->at = end;
	}
	frames_tell(skb, end, direction);
	return 0;
}

__noinline int frame_look_at(struct __sk_buff *skb, __u32 offset)
{
	return frame_look(skb, 0, offset, false);
}

/* A function of numbers for each turn: the verifier would follow each kind of frame with each of the next. */
__noinline int frames_plausible(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	__u32 at = 0, look, found = 0;

	for (__u32 i = 0; i < PLAUSIBLE_MAX; i++) {
		if (at + HTTP2_HEADER_LEN > len)
			break;
		look = frame_look_at(skb, offset + at);
		if (!look)
			return 0;
		found |= look & 3;
		at += look >> 2;
	}
	return found > 2 ? 2 : found;
}

/* One more than the enum stream_protocol of the field "Upgrade" that begins at `offset`; 0 if none does. */
__noinline int upgrade_at(struct __sk_buff *skb, __u32 offset)
{
	__u64 word;
	__u32 value;

	if (bpf_skb_load_bytes(skb, offset, &word, sizeof(word)) || (word | SMALL_LETTERS) != UPGRADE_WORD ||
	    bpf_skb_load_bytes(skb, offset + 8, &value, sizeof(value)))
		return 0;
	return upgrade_value(value) + 1;
}

/* Heads of an answer 101 are searched this far. */
#define UPGRADE_HEAD_MAX 1024

__noinline int upgrade_find(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	int found = 0;

	for (__u32 at = 0; at < UPGRADE_HEAD_MAX; at++) {
		if (at >= len)
			break;
		found = upgrade_at(skb, offset + at);
		if (found)
			break;
	}
	return found ? found - 1 : STREAM_PROTOCOLS;
}
