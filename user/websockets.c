// SPDX-License-Identifier: Apache-2.0
// Keeps sessions by socket, reads their frames' headers, and adds up for each service.
#include "websockets.h"

#include <stdio.h>
#include <stdlib.h>

#include <uthash.h>

#include "event.h"
#include "exchange.h"
#include "memory_budget.h"
#include "service.h"
#include "services.h"
#include "websocket_side.h"

/* A stranger can open them. */
#define SESSIONS_MAX 65536
/* … and send what comes too early. */
#define EARLY_MEMORY_MAX ((size_t)32 * 1024 * 1024)
/* Where the kernel could not tell that a connection closed (the ring was full), its session ends after this
 * silence. */
#define FORGOTTEN_NS 3600000000000ULL

#define CODE_FIRST 1000
#define CODE_OTHER (WEBSOCKET_CODES - 1)

enum { IN, OUT };

struct session {
	uint64_t socket;
	uint64_t opened_ns;
	uint64_t touched_ns;
	struct exchange exchange; /* where it was opened; its slices are gone */
	struct service *service;  /* NULL while that has no name */
	struct websocket_side sides[2];
	uint16_t close_code; /* 0 before a close frame */
	UT_hash_handle hh;
};

struct websockets {
	struct services *services;
	struct session *table;
	struct memory_budget budget; /* of early pieces */
	struct websocket_losses losses;
	uint64_t closes_lost;    /* as the kernel counts them … */
	uint64_t closes_lost_ns; /* … and when there was last one more */
};

struct websockets *websockets_new(struct services *services)
{
	struct websockets *websockets = calloc(1, sizeof(*websockets));

	if (!websockets)
		return NULL;
	websockets->services = services;
	websockets->budget.limit = EARLY_MEMORY_MAX;
	return websockets;
}

static void session_remove(struct websockets *websockets, struct session *session)
{
	HASH_DEL(websockets->table, session);
	for (unsigned i = IN; i <= OUT; i++)
		websocket_side_drop(&session->sides[i], &websockets->budget);
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
	session->touched_ns = session->opened_ns;
	session_book(websockets, session);
}

void websockets_on_stream(struct websockets *websockets, const struct stream_event *event)
{
	struct session *session = session_find(websockets, event->header.socket);
	struct websocket_side *side;

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
	session->touched_ns = event->header.time_ns;
	side = &session->sides[event->header.flags & EVENT_OUT ? OUT : IN];
	websocket_side_feed(side, event, &websockets->budget, &websockets->losses.lost);
	if (!session->close_code)
		session->close_code = side->close_code;
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

static void session_end(struct websockets *websockets, struct session *session, uint64_t end_ns)
{
	struct websocket_stats *stats;

	for (unsigned i = IN; i <= OUT; i++) {
		websocket_side_end(&session->sides[i], &websockets->budget, &websockets->losses.lost);
		if (!session->close_code)
			session->close_code = session->sides[i].close_code;
	}
	session_book(websockets, session);
	if (session->service) {
		stats = session->service->websockets;
		stats->active--;
		stats->closes[code_index(session->close_code ? session->close_code : WEBSOCKET_ABNORMAL)]++;
		duration_add(stats, end_ns > session->opened_ns ? (end_ns - session->opened_ns) / 1e9 : 0);
	}
	session_remove(websockets, session);
}

void websockets_on_close(struct websockets *websockets, const struct response_event *event)
{
	struct session *session = session_find(websockets, event->header.socket);

	if (session)
		session_end(websockets, session, event->header.time_ns);
}

/* Whether its end may have been lost: one was, since anything was heard of it, and that is long ago. */
static bool is_forgotten(const struct websockets *websockets, const struct session *session, uint64_t now_ns)
{
	return session->touched_ns <= websockets->closes_lost_ns &&
	       now_ns > session->touched_ns + FORGOTTEN_NS;
}

void websockets_tick(struct websockets *websockets, uint64_t closes_lost, uint64_t now_ns)
{
	struct session *session, *next;

	if (closes_lost != websockets->closes_lost)
		websockets->closes_lost_ns = now_ns;
	websockets->closes_lost = closes_lost;
	HASH_ITER (hh, websockets->table, session, next) {
		if (!session->service)
			session_book(websockets, session);
		if (is_forgotten(websockets, session, now_ns))
			session_end(websockets, session, session->touched_ns);
	}
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
