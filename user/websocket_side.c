// SPDX-License-Identifier: Apache-2.0
// Puts the pieces of one direction in order and reads the frames in them. Pieces may be missing: inside of
// payloads on purpose, elsewhere because they were lost.
#include "websocket_side.h"

#include "event.h"

/* Where the next frame begins is not known. */
static void side_lose(struct websocket_side *side, uint64_t *lost)
{
	(*lost)++;
	side->reader = (struct websocket_reader){0};
	side->aligned = false;
}

static void read_bytes(struct websocket_side *side, struct slice bytes, uint64_t *lost)
{
	for (;;) {
		switch (websocket_read(&side->reader, &bytes)) {
		case WEBSOCKET_MORE:
			return;
		case WEBSOCKET_BEGIN:
			side->messages += websocket_begins_message(&side->reader.frame);
			break;
		case WEBSOCKET_END:
			if (side->reader.frame.opcode == WEBSOCKET_CLOSE && !side->close_code)
				side->close_code = websocket_close_code(&side->reader);
			break;
		case WEBSOCKET_MALFORMED:
			side_lose(side, lost);
			return;
		}
	}
}

/* Drops what stands before the first frame that begins in the bytes, which are the end of the piece. Of bytes
 * in any order the kernel does not know it: mostly a segment is whole frames. */
static bool side_align(struct websocket_side *side, const struct stream_event *event, struct slice *bytes)
{
	size_t twice = event->len - bytes->len, frame = event->frame;
	bool masked = !(event->header.flags & EVENT_OUT); /* by clients (RFC 6455 section 5.3) */

	if (frame == NO_FRAME && event->header.flags & EVENT_RAW && websocket_are_frames(*bytes, masked))
		frame = twice;
	if (frame < twice || frame >= event->len)
		return false;
	*bytes = (struct slice){bytes->data + (frame - twice), event->len - frame};
	side->aligned = true;
	return true;
}

static void piece_read(struct websocket_side *side, const struct stream_event *event, uint64_t *lost)
{
	struct slice bytes = {(const char *)event->data, event->len};
	uint32_t cut = event->bytes - event->len;

	if (!side->begun) {
		side->begun = true;
		side->aligned = event->frame == 0;
		side->position = event->position;
	}
	if (event->position > side->position && side->aligned &&
	    !websocket_skip(&side->reader, event->position - side->position))
		side_lose(side, lost);
	if (event->position < side->position) { /* came twice */
		uint64_t twice = side->position - event->position;

		if (twice >= bytes.len)
			return;
		bytes = (struct slice){bytes.data + twice, bytes.len - twice};
	}
	side->position = event->position + event->bytes;
	if (!side->aligned && !side_align(side, event, &bytes))
		return;
	read_bytes(side, bytes, lost);
	if (cut && side->aligned && !websocket_skip(&side->reader, cut))
		side_lose(side, lost);
}

/* Nothing is missing before the piece but what may have been passed over, or nothing can be waited for. */
static bool is_next(const struct websocket_side *side, const struct stream_event *event)
{
	if (!(event->header.flags & EVENT_RAW))
		return true;
	if (!side->begun)
		return event->frame == 0;
	return !side->aligned || event->position <= side->position ||
	       websocket_may_skip(&side->reader, event->position - side->position);
}

static void early_read(struct websocket_side *side, bool all, struct memory_budget *budget, uint64_t *lost)
{
	const struct stream_event *event;

	while ((event = early_pieces_first(&side->early)) && (all || is_next(side, event))) {
		piece_read(side, event, lost);
		early_pieces_pop(&side->early, budget);
	}
}

void websocket_side_feed(struct websocket_side *side, const struct stream_event *event,
			 struct memory_budget *budget, uint64_t *lost)
{
	if (!is_next(side, event)) {
		if (early_pieces_keep(&side->early, event, budget))
			return;
		early_read(side, true, budget, lost);
	}
	piece_read(side, event, lost);
	early_read(side, false, budget, lost);
}

void websocket_side_end(struct websocket_side *side, struct memory_budget *budget, uint64_t *lost)
{
	early_read(side, true, budget, lost);
}

void websocket_side_drop(struct websocket_side *side, struct memory_budget *budget)
{
	early_pieces_drop(&side->early, budget);
}
