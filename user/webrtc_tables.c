// SPDX-License-Identifier: Apache-2.0
// The tables of sessions and owners, both of a limited size, and what their removal takes along.
#include "webrtc_tables.h"

#include <stdlib.h>

#define SESSIONS_MAX 32768
/* More than there are services. */
#define OWNERS_MAX 2048
/* A socket without a session, whose end may have been lost. */
#define SOCKET_IDLE_NS 600000000000ULL

_Static_assert(sizeof(struct webrtc_key) == 16, "a key without holes");

static void session_remove(struct webrtc_tables *tables, struct webrtc_session *session)
{
	while (!LIST_EMPTY(&session->bases))
		webrtc_base_remove(&tables->paths, LIST_FIRST(&session->bases));
	if (!session->owner)
		tables->losses.unowned++;
	HASH_DEL(tables->sessions, session);
	free(session);
}

static void owner_remove(struct webrtc_tables *tables, struct webrtc_owner *owner)
{
	HASH_DEL(tables->owners, owner);
	free(owner);
}

void webrtc_tables_free(struct webrtc_tables *tables)
{
	struct webrtc_session *session, *next_session;
	struct webrtc_socket *socket, *next_socket;
	struct webrtc_owner *owner, *next_owner;

	HASH_ITER (hh, tables->sessions, session, next_session)
		session_remove(tables, session);
	HASH_ITER (hh, tables->paths.sockets, socket, next_socket)
		webrtc_socket_remove(&tables->paths, socket);
	HASH_ITER (hh, tables->owners, owner, next_owner)
		owner_remove(tables, owner);
}

struct webrtc_owner *webrtc_owner_find(struct webrtc_tables *tables, const void *owner)
{
	struct webrtc_owner *found = NULL;

	if (tables->owners)
		HASH_FIND(hh, tables->owners, &owner, sizeof(owner), found);
	return found;
}

static struct webrtc_owner *owner_get(struct webrtc_tables *tables, void *owner)
{
	struct webrtc_owner *found = webrtc_owner_find(tables, owner);

	if (found || HASH_COUNT(tables->owners) >= OWNERS_MAX)
		return found;
	found = calloc(1, sizeof(*found));
	if (!found)
		return NULL;
	found->owner = owner;
	HASH_ADD(hh, tables->owners, owner, sizeof(found->owner), found);
	return found;
}

struct webrtc_session *webrtc_session_find(struct webrtc_tables *tables, const struct webrtc_key *key)
{
	struct webrtc_session *session = NULL;

	if (tables->sessions)
		HASH_FIND(hh, tables->sessions, key, sizeof(*key), session);
	return session;
}

static struct webrtc_session *session_get(struct webrtc_tables *tables, const struct webrtc_key *key,
					  uint64_t now_ns)
{
	struct webrtc_session *session = webrtc_session_find(tables, key);

	if (session)
		return session;
	session = HASH_COUNT(tables->sessions) < SESSIONS_MAX ? calloc(1, sizeof(*session)) : NULL;
	if (!session)
		return NULL;
	session->key = *key;
	session->started_ns = now_ns;
	HASH_ADD(hh, tables->sessions, key, sizeof(session->key), session);
	return session;
}

void webrtc_tables_touch(struct webrtc_tables *tables, struct webrtc_session *session,
			 const struct webrtc_datagram *datagram)
{
	struct webrtc_owner *owner;

	session->touched_ns = datagram->time_ns;
	if (!datagram->out)
		session->heard_ns = datagram->time_ns;
	if (session->owner || !datagram->owner)
		return;
	owner = owner_get(tables, datagram->owner);
	if (owner)
		webrtc_session_own(session, owner);
}

/* The same two addresses begin anew with other fragments: the session that they were of has them no more. */
static void pair_take_away(struct webrtc_tables *tables, struct webrtc_pair *pair)
{
	struct webrtc_session *session = pair->base->session;

	webrtc_pair_remove(&tables->paths, pair);
	if (LIST_EMPTY(&session->bases))
		webrtc_session_end(session);
}

static struct webrtc_pair *pair_get(struct webrtc_tables *tables, const struct webrtc_path *path,
				    struct webrtc_session *session, uint64_t now_ns)
{
	struct webrtc_pair *pair = webrtc_pair_find(&tables->paths, path);
	struct webrtc_socket *socket;

	if (pair && pair->base->session == session)
		return pair;
	if (pair)
		pair_take_away(tables, pair);
	socket = webrtc_socket_get(&tables->paths, path->socket, now_ns);
	return socket ? webrtc_pair_add(&tables->paths, path, socket, session, &session->bases) : NULL;
}

struct webrtc_pair *webrtc_tables_pair(struct webrtc_tables *tables, const struct webrtc_datagram *datagram,
				       const struct webrtc_path *path, const struct webrtc_key *key)
{
	struct webrtc_session *session = session_get(tables, key, datagram->time_ns);
	struct webrtc_pair *pair = NULL;

	if (session) {
		webrtc_tables_touch(tables, session, datagram);
		if (session->state == WEBRTC_ENDED)
			return NULL;
		pair = pair_get(tables, path, session, datagram->time_ns);
	}
	if (!pair)
		tables->losses.table_full++;
	return pair;
}

void webrtc_tables_close(struct webrtc_tables *tables, uint64_t socket)
{
	struct webrtc_socket *closed = webrtc_socket_find(&tables->paths, socket);

	if (!closed)
		return;
	while (!LIST_EMPTY(&closed->bases)) {
		struct webrtc_session *session = LIST_FIRST(&closed->bases)->session;

		webrtc_base_remove(&tables->paths, LIST_FIRST(&closed->bases));
		if (LIST_EMPTY(&session->bases))
			webrtc_session_end(session);
	}
	webrtc_socket_remove(&tables->paths, closed);
}

void webrtc_tables_tick(struct webrtc_tables *tables, uint64_t now_ns)
{
	struct webrtc_session *session, *next_session;
	struct webrtc_socket *socket, *next_socket;

	HASH_ITER (hh, tables->sessions, session, next_session)
		if (!webrtc_session_tick(session, now_ns))
			session_remove(tables, session);
	HASH_ITER (hh, tables->paths.sockets, socket, next_socket)
		if (LIST_EMPTY(&socket->bases) && now_ns > socket->touched_ns + SOCKET_IDLE_NS)
			webrtc_socket_remove(&tables->paths, socket);
}

void webrtc_tables_forget_owner(struct webrtc_tables *tables, const void *owner)
{
	struct webrtc_owner *forgotten = webrtc_owner_find(tables, owner);
	struct webrtc_session *session, *next;

	if (!forgotten)
		return;
	HASH_ITER (hh, tables->sessions, session, next)
		if (session->owner == forgotten)
			webrtc_session_disown(session);
	owner_remove(tables, forgotten);
}
