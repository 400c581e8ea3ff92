// SPDX-License-Identifier: Apache-2.0
// A queue of closes, in the order of their coming; pipeline.c ends the connections that come out of it.
#include "tls_closes.h"

#include <stdlib.h>

#include <bpf/libbpf.h>

#include "event.h"
#include "maps.h"
#include "ringside.skel.h"

/* A call returns within microseconds of what it wrote being read, unless its thread has to wait for a CPU. */
#define PATIENCE_NS 200000000ULL

struct tls_close {
	struct tls_close *next;
	struct tls_close_event event;
};

struct tls_closes {
	struct ringside *skeleton;
	void (*on_close)(void *context, const struct tls_close_event *event);
	void *context;
	struct tls_close *first;
	struct tls_close **last;
	unsigned count;
};

struct tls_closes *tls_closes_new(struct ringside *skeleton,
				  void (*on_close)(void *context, const struct tls_close_event *event),
				  void *context)
{
	struct tls_closes *closes = calloc(1, sizeof(*closes));

	if (!closes)
		return NULL;
	closes->skeleton = skeleton;
	closes->on_close = on_close;
	closes->context = context;
	closes->last = &closes->first;
	return closes;
}

static void pop(struct tls_closes *closes)
{
	struct tls_close *first = closes->first;

	closes->first = first->next;
	if (!closes->first)
		closes->last = &closes->first;
	closes->count--;
	free(first);
}

void tls_closes_free(struct tls_closes *closes)
{
	if (!closes)
		return;
	while (closes->first)
		pop(closes);
	free(closes);
}

static void hand_on(struct tls_closes *closes, const struct tls_close_event *event)
{
	__u64 socket;

	closes->on_close(closes->context, event);
	if (!closes->skeleton)
		return;
	/* By now another session may lie at the same address. */
	if (!bpf_map__lookup_elem(closes->skeleton->maps.tls_sessions, &event->session,
				  sizeof(event->session), &socket, sizeof(socket), 0) &&
	    socket == event->header.socket)
		bpf_map__delete_elem(closes->skeleton->maps.tls_sessions, &event->session,
				     sizeof(event->session), 0);
	bpf_map__delete_elem(closes->skeleton->maps.tls_connections, &event->header.socket,
			     sizeof(event->header.socket), 0);
}

void tls_closes_add(struct tls_closes *closes, const struct tls_close_event *event)
{
	struct tls_close *close = closes->count < TLS_CONNECTIONS_MAX ? malloc(sizeof(*close)) : NULL;

	if (!close) {
		hand_on(closes, event);
		return;
	}
	close->next = NULL;
	close->event = *event;
	*closes->last = close;
	closes->last = &close->next;
	closes->count++;
}

void tls_closes_run(struct tls_closes *closes, uint64_t now_ns)
{
	while (closes->first && closes->first->event.header.time_ns + PATIENCE_NS <= now_ns) {
		hand_on(closes, &closes->first->event);
		pop(closes);
	}
}
