// SPDX-License-Identifier: Apache-2.0
// The header block that is yet to end, within a budget. http2_connection.c reads what is kept here.
#include "http2_side.h"

#include <string.h>

/* Longer header blocks are refused by all servers. */
#define BLOCK_MAX 65536

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

void http2_side_drop(struct http2_side *side, struct memory_budget *budget)
{
	early_pieces_drop(&side->early, budget);
	http2_side_drop_block(side, budget);
}
