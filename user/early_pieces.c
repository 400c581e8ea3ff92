// SPDX-License-Identifier: Apache-2.0
// A list by position: seldom more than a few are kept.
#include "early_pieces.h"

#include <string.h>

#include "event.h"

/* What of a connection may come before what is missing. */
#define BYTES_MAX (64 * 1024)

struct early_piece {
	struct early_piece *next;
	_Alignas(8) unsigned char record[]; /* struct stream_event, whole */
};

static size_t event_size(const struct stream_event *event)
{
	return sizeof(*event) + event->len;
}

bool early_pieces_keep(struct early_pieces *pieces, const struct stream_event *event,
		       struct memory_budget *budget)
{
	size_t size = event_size(event);
	struct early_piece **at = &pieces->first, *piece = NULL;

	if (pieces->bytes + size <= BYTES_MAX)
		piece = budget_alloc(budget, sizeof(*piece) + size);
	if (!piece)
		return false;
	memcpy(piece->record, event, size);
	while (*at && ((const struct stream_event *)(*at)->record)->position <= event->position)
		at = &(*at)->next;
	piece->next = *at;
	*at = piece;
	pieces->bytes += size;
	return true;
}

const struct stream_event *early_pieces_first(const struct early_pieces *pieces)
{
	return pieces->first ? (const struct stream_event *)pieces->first->record : NULL;
}

void early_pieces_pop(struct early_pieces *pieces, struct memory_budget *budget)
{
	struct early_piece *piece = pieces->first;
	size_t size = event_size(early_pieces_first(pieces));

	pieces->first = piece->next;
	pieces->bytes -= size;
	budget_free(budget, piece, sizeof(*piece) + size);
}

void early_pieces_drop(struct early_pieces *pieces, struct memory_budget *budget)
{
	while (pieces->first)
		early_pieces_pop(pieces, budget);
}
