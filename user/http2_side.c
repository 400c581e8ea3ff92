// SPDX-License-Identifier: Apache-2.0
// Memory of one direction of an HTTP/2 connection, within a budget: the header block that is yet to end, and
// pieces that came before those in front of them. http2_connection.c reads what is kept here.
#include "http2_side.h"

#include <string.h>

#include "event.h"

/* Longer header blocks are refused by all servers. */
#define BLOCK_MAX 65536
/* What of a connection may come before what is missing. */
#define EARLY_MAX (64 * 1024)

static size_t event_size(const struct stream_event *event)
{
	return sizeof(*event) + event->len;
}

const struct stream_event *http2_side_early(const struct http2_side *side)
{
	return (const struct stream_event *)side->early->record;
}

void http2_side_pop_early(struct http2_side *side, struct memory_budget *budget)
{
	struct http2_early *early = side->early;
	size_t size = event_size(http2_side_early(side));

	side->early = early->next;
	side->early_bytes -= size;
	budget_free(budget, early, sizeof(*early) + size);
}

void http2_side_drop_block(struct http2_side *side, struct memory_budget *budget)
{
	budget_free(budget, side->block, side->block_room);
	side->block = NULL;
	side->block_room = side->block_len = side->payload_len = 0;
	side->block_open = false;
}

bool http2_side_keep_payload(struct http2_side *side, struct slice payload, struct memory_budget *budget)
{
	size_t len = side->block_len + side->payload_len + payload.len;
	size_t room = side->block_room ? side->block_room : 512;
	char *grown;

	if (len > BLOCK_MAX)
		return false;
	while (room < len)
		room *= 2;
	if (room > side->block_room) {
		grown = budget_alloc(budget, room);
		if (!grown)
			return false;
		if (side->block)
			memcpy(grown, side->block, side->block_len + side->payload_len);
		budget_free(budget, side->block, side->block_room);
		side->block = grown;
		side->block_room = room;
	}
	memcpy(side->block + side->block_len + side->payload_len, payload.data, payload.len);
	side->payload_len += payload.len;
	return true;
}

bool http2_side_keep_early(struct http2_side *side, const struct stream_event *event,
			   struct memory_budget *budget)
{
	size_t size = event_size(event);
	struct http2_early **at = &side->early, *early = NULL;

	if (side->early_bytes + size <= EARLY_MAX)
		early = budget_alloc(budget, sizeof(*early) + size);
	if (!early)
		return false;
	memcpy(early->record, event, size);
	while (*at && ((const struct stream_event *)(*at)->record)->position <= event->position)
		at = &(*at)->next;
	early->next = *at;
	*at = early;
	side->early_bytes += size;
	return true;
}

void http2_side_drop(struct http2_side *side, struct memory_budget *budget)
{
	while (side->early)
		http2_side_pop_early(side, budget);
	http2_side_drop_block(side, budget);
}
