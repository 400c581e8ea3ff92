// SPDX-License-Identifier: Apache-2.0
// The tables of sockets and of paths, both of a limited size. webrtc_sessions.c counts what does not fit.
#include "webrtc_paths.h"

#include <stdlib.h>

#define SOCKETS_MAX 32768
#define PAIRS_MAX 65536

_Static_assert(sizeof(struct webrtc_path) == 32, "a key without holes");

struct webrtc_socket *webrtc_socket_find(struct webrtc_paths *paths, uint64_t socket)
{
	struct webrtc_socket *found = NULL;

	if (paths->sockets)
		HASH_FIND(hh, paths->sockets, &socket, sizeof(socket), found);
	return found;
}

struct webrtc_socket *webrtc_socket_get(struct webrtc_paths *paths, uint64_t socket, uint64_t now_ns)
{
	struct webrtc_socket *found = webrtc_socket_find(paths, socket);

	if (!found) {
		found = HASH_COUNT(paths->sockets) < SOCKETS_MAX ? calloc(1, sizeof(*found)) : NULL;
		if (!found)
			return NULL;
		found->socket = socket;
		HASH_ADD(hh, paths->sockets, socket, sizeof(found->socket), found);
	}
	found->touched_ns = now_ns;
	return found;
}

void webrtc_socket_remove(struct webrtc_paths *paths, struct webrtc_socket *socket)
{
	HASH_DEL(paths->sockets, socket);
	free(socket);
}

struct webrtc_pair *webrtc_pair_find(struct webrtc_paths *paths, const struct webrtc_path *path)
{
	struct webrtc_pair *pair = NULL;

	if (paths->pairs)
		HASH_FIND(hh, paths->pairs, path, sizeof(*path), pair);
	return pair;
}

/* A session has few bases, but a socket may be that of thousands of sessions. */
static struct webrtc_base *base_get(struct webrtc_socket *socket, struct webrtc_session *session,
				    struct webrtc_bases *of_session)
{
	struct webrtc_base *base;

	LIST_FOREACH(base, of_session, of_session)
	if (base->socket == socket)
		return base;
	base = calloc(1, sizeof(*base));
	if (!base)
		return NULL;
	base->socket = socket;
	base->session = session;
	LIST_INSERT_HEAD(&socket->bases, base, of_socket);
	LIST_INSERT_HEAD(of_session, base, of_session);
	return base;
}

struct webrtc_pair *webrtc_pair_add(struct webrtc_paths *paths, const struct webrtc_path *path,
				    struct webrtc_socket *socket, struct webrtc_session *session,
				    struct webrtc_bases *of_session)
{
	struct webrtc_pair *pair = HASH_COUNT(paths->pairs) < PAIRS_MAX ? calloc(1, sizeof(*pair)) : NULL;
	struct webrtc_base *base = pair ? base_get(socket, session, of_session) : NULL;

	if (!base) {
		free(pair);
		return NULL;
	}
	pair->path = *path;
	pair->base = base;
	LIST_INSERT_HEAD(&base->pairs, pair, link);
	HASH_ADD(hh, paths->pairs, path, sizeof(pair->path), pair);
	return pair;
}

void webrtc_pair_remove(struct webrtc_paths *paths, struct webrtc_pair *pair)
{
	struct webrtc_base *base = pair->base;

	LIST_REMOVE(pair, link);
	HASH_DEL(paths->pairs, pair);
	free(pair);
	if (!LIST_EMPTY(&base->pairs))
		return;
	LIST_REMOVE(base, of_socket);
	LIST_REMOVE(base, of_session);
	free(base);
}

void webrtc_base_remove(struct webrtc_paths *paths, struct webrtc_base *base)
{
	struct webrtc_pair *pair = LIST_FIRST(&base->pairs), *next;

	for (; pair; pair = next) {
		next = LIST_NEXT(pair, link);
		webrtc_pair_remove(paths, pair);
	}
}
