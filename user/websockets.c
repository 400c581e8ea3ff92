// SPDX-License-Identifier: Apache-2.0
// Keeps sessions by socket, reads their frames' headers, and adds up for each service.
#include "websockets.h"

#include <stdio.h>
#include <stdlib.h>

#include <uthash.h>

#include "event.h"
#include "exchange.h"
#include "protocols/websocket.h"
#include "service.h"
#include "services.h"

/* A stranger can open them. */
#define SESSIONS_MAX 65536

#define CODE_FIRST 1000
#define CODE_OTHER (WEBSOCKET_CODES - 1)

enum { IN, OUT };

/* One direction. */
struct side {
	struct websocket_reader reader;
	uint64_t position; /* behind what was read */
	bool begun;        /* position holds */
	bool aligned;      /* … and a frame begins there, or goes on */
	uint64_t messages; /* not yet in the service's sum */
};

struct session {
	uint64_t socket;
	uint64_t opened_ns;
	struct exchange exchange; /* where it was opened; its slices are gone */
	struct service *service;  /* NULL while that has no name */
	struct side sides[2];
	uint16_t close_code; /* 0 before a close frame */
	UT_hash_handle hh;
};

struct websockets {
	struct services *services;
	struct session *table;
	struct websocket_losses losses;
};

struct websockets *websockets_new(struct services *services)
{
	struct websockets *websockets = calloc(1, sizeof(*websockets));

	if (websockets)
		websockets->services = services;
	return websockets;
}

static void session_remove(struct websockets *websockets, struct session *session)
{
	HASH_DEL(websockets->table, session);
	free(session);
}

void websockets_free(struct websockets *websockets)
{
	struct session *session, *next;

	if (!websockets)
		return;
	HASH_ITER (hh, websockets->table, session, next)
		session_remove(websockets, session);
	free(websockets);
}

static struct session *session_find(struct websockets *websockets, uint64_t socket)
{
	struct session *session = NULL;

	if (websockets->table)
		HASH_FIND(hh, websockets->table, &socket, sizeof(socket), session);
	return session;
}

/* Find its service, and give that what was counted until now. */
static void session_book(struct websockets *websockets, struct session *session)
{
	struct websocket_stats *stats;

	if (!session->service) {
		struct service *service = services_find(websockets->services, &session->exchange);

		if (!service)
			return;
		if (!service->websockets)
			service->websockets = calloc(1, sizeof(*service->websockets));
		if (!service->websockets)
			return;
		session->service = service;
		service->websockets->active++;
		service->websockets->opened++;
	}
	stats = session->service->websockets;
	stats->received += session->sides[IN].messages;
	stats->sent += session->sides[OUT].messages;
	session->sides[IN].messages = session->sides[OUT].messages = 0;
}

static struct session *session_new(struct websockets *websockets, uint64_t socket)
{
	struct session *session =
		HASH_COUNT(websockets->table) < SESSIONS_MAX ? calloc(1, sizeof(*session)) : NULL;

	if (!session) {
		websockets->losses.table_full++;
		return NULL;
	}
	session->socket = socket;
	HASH_ADD(hh, websockets->table, socket, sizeof(session->socket), session);
	return session;
}

void websockets_open(struct websockets *websockets, const struct exchange *exchange)
{
	struct session *session = session_find(websockets, exchange->socket);

	/* Where frames stood in the same segment as the answer, they may have been told first. */
	if (!session)
		session = session_new(websockets, exchange->socket);
	if (!session)
		return;
	session->exchange = *exchange;
	session->exchange.method = session->exchange.target = (struct slice){0};
	session->opened_ns = exchange->arrival_ns + exchange->duration_ns;
	session_book(websockets, session);
}

/* Where the next frame begins is not known. */
static void side_lose(struct websockets *websockets, struct side *side)
{
	websockets->losses.lost++;
	side->reader = (struct websocket_reader){0};
	side->aligned = false;
}

static void read_bytes(struct websockets *websockets, struct session *session, struct side *side,
		       struct slice bytes)
{
	for (;;) {
		switch (websocket_read(&side->reader, &bytes)) {
		case WEBSOCKET_MORE:
			return;
		case WEBSOCKET_BEGIN:
			side->messages += websocket_begins_message(&side->reader.frame);
			break;
		case WEBSOCKET_END:
			if (side->reader.frame.opcode == WEBSOCKET_CLOSE && !session->close_code)
				session->close_code = websocket_close_code(&side->reader);
			break;
		case WEBSOCKET_MALFORMED:
			side_lose(websockets, side);
			return;
		}
	}
}

static void piece_read(struct websockets *websockets, struct session *session,
		       const struct stream_event *event)
{
	struct side *side = &session->sides[event->header.flags & EVENT_OUT ? OUT : IN];
	struct slice bytes = {(const char *)event->data, event->len};
	uint32_t cut = event->bytes - event->len;

	if (!side->begun) {
		side->begun = true;
		side->aligned = event->frame == 0;
		side->position = event->position;
	}
	if (event->position < side->position) /* came twice, or too late */
		return;
	if (side->aligned && event->position > side->position &&
	    !websocket_skip(&side->reader, event->position - side->position))
		side_lose(websockets, side);
	side->position = event->position + event->bytes;
	if (!side->aligned) {
		if (event->frame >= bytes.len)
			return;
		bytes = (struct slice){bytes.data + event->frame, bytes.len - event->frame};
		side->aligned = true;
	}
	read_bytes(websockets, session, side, bytes);
	if (cut && side->aligned && !websocket_skip(&side->reader, cut))
		side_lose(websockets, side);
}

void websockets_on_stream(struct websockets *websockets, const struct stream_event *event)
{
	struct session *session = session_find(websockets, event->header.socket);

	if (!session) {
		session = session_new(websockets, event->header.socket);
		if (!session)
			return;
		session->opened_ns = event->header.time_ns;
		session->exchange = (struct exchange){
			.socket = event->header.socket,
			.cgroup = event->cgroup,
			.netns = event->header.netns,
			.tgid = event->tgid,
			.local_port = event->local_port,
		};
	}
	piece_read(websockets, session, event);
	session_book(websockets, session);
}

static unsigned code_index(uint16_t code)
{
	return code >= CODE_FIRST && code < CODE_FIRST + CODE_OTHER ? code - CODE_FIRST : CODE_OTHER;
}

const char *websocket_code_name(unsigned index, char *buffer)
{
	if (index >= CODE_OTHER)
		return "other";
	snprintf(buffer, 8, "%u", CODE_FIRST + index);
	return buffer;
}

static void duration_add(struct websocket_stats *stats, double seconds)
{
	static const double bounds[] = WEBSOCKET_DURATION_BOUNDS;
	unsigned bucket = 0;

	while (bucket < WEBSOCKET_DURATION_BOUNDS_LEN && seconds > bounds[bucket])
		bucket++;
	stats->durations[bucket]++;
	stats->duration_seconds += seconds;
}

void websockets_on_close(struct websockets *websockets, const struct response_event *event)
{
	struct session *session = session_find(websockets, event->header.socket);
	struct websocket_stats *stats;
	uint64_t end_ns = event->header.time_ns;

	if (!session)
		return;
	session_book(websockets, session);
	if (session->service) {
		stats = session->service->websockets;
		stats->active--;
		stats->closes[code_index(session->close_code ? session->close_code : WEBSOCKET_ABNORMAL)]++;
		duration_add(stats, end_ns > session->opened_ns ? (end_ns - session->opened_ns) / 1e9 : 0);
	}
	session_remove(websockets, session);
}

void websockets_tick(struct websockets *websockets)
{
	struct session *session, *next;

	HASH_ITER (hh, websockets->table, session, next)
		if (!session->service)
			session_book(websockets, session);
}

void websockets_forget_service(struct websockets *websockets, const struct service *service)
{
	struct session *session, *next;

	if (!service->websockets)
		return;
	HASH_ITER (hh, websockets->table, session, next)
		if (session->service == service)
			session->service = NULL;
}

const struct websocket_losses *websockets_losses(const struct websockets *websockets)
{
	return &websockets->losses;
}
