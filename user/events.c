// SPDX-License-Identifier: Apache-2.0
// Drains the rings: checks that each record is as long as it says, then hands it to connections or listeners.
#include "events.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "event.h"

/* Under a load that outruns us the rings are never empty: the server and the clock want their turn, too. */
#define DRAIN_MAX 16384

struct events {
	struct ring_buffer *rings;
	struct event_handlers handlers;
	struct event_counts counts;
	unsigned drained;
};

static bool exchange_fits(const struct exchange_event *event, size_t size)
{
	return size >= sizeof(*event) && event->request_len <= event->request_room &&
	       sizeof(*event) + event->request_room + event->response_len <= size;
}

static bool response_fits(const struct response_event *event, size_t size)
{
	return size >= sizeof(*event) && sizeof(*event) + event->response_len <= size;
}

static bool request_fits(const struct request_event *event, size_t size)
{
	return size >= sizeof(*event) && sizeof(*event) + event->request_len <= size;
}

static bool dispatch(struct events *events, const struct event_header *header, size_t size)
{
	const struct event_handlers *handlers = &events->handlers;

	switch (header->kind) {
	case EVENT_EXCHANGE:
		if (!exchange_fits((const void *)header, size))
			return false;
		events->counts.exchange++;
		handlers->on_exchange(handlers->context, (const void *)header);
		return true;
	case EVENT_REQUEST:
		if (!request_fits((const void *)header, size))
			return false;
		events->counts.request++;
		handlers->on_request(handlers->context, (const void *)header);
		return true;
	case EVENT_RESPONSE:
		if (!response_fits((const void *)header, size))
			return false;
		events->counts.response++;
		handlers->on_response(handlers->context, (const void *)header);
		return true;
	case EVENT_CLOSE:
		if (header->flags & EVENT_UNANSWERED ? !exchange_fits((const void *)header, size)
						     : !response_fits((const void *)header, size))
			return false;
		events->counts.close++;
		if (header->flags & EVENT_UNANSWERED)
			handlers->on_unanswered(handlers->context, (const void *)header);
		else
			handlers->on_close(handlers->context, (const void *)header);
		return true;
	case EVENT_LISTEN:
		if (size < sizeof(struct listen_event))
			return false;
		events->counts.listen++;
		handlers->on_listen(handlers->context, (const void *)header);
		return true;
	}
	return false;
}

static int on_record(void *context, void *data, size_t size)
{
	struct events *events = context;

	events->drained++;
	if (size < sizeof(struct event_header) || !dispatch(events, data, size))
		events->counts.malformed++;
	/* A negative value ends the drain; the next one goes on behind this record. */
	return events->drained < DRAIN_MAX ? 0 : -EAGAIN;
}

int events_new(const struct capture *capture, const struct event_handlers *handlers,
	       struct events **ret_events)
{
	struct events *events = calloc(1, sizeof(*events));
	int error = 0;

	if (!events)
		return -ENOMEM;
	events->handlers = *handlers;
	events->rings = ring_buffer__new(capture->ring_fds[0], on_record, events, NULL);
	if (!events->rings)
		error = -errno;
	for (unsigned i = 1; !error && i < capture->ring_count; i++)
		error = ring_buffer__add(events->rings, capture->ring_fds[i], on_record, events);
	if (error) {
		events_free(events);
		return error;
	}
	*ret_events = events;
	return 0;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	ring_buffer__free(events->rings);
	free(events);
}

int events_fd(const struct events *events)
{
	return ring_buffer__epoll_fd(events->rings);
}

unsigned events_drain(struct events *events)
{
	events->drained = 0;
	ring_buffer__consume(events->rings);
	return events->drained;
}

const struct event_counts *events_counts(const struct events *events)
{
	return &events->counts;
}
