// SPDX-License-Identifier: Apache-2.0
// Drains the rings: checks that each record is as long as it says, then hands it to connections or listeners.
#include "events.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "event.h"
#include "maps.h"
#include "ring.h"

/* Under a load that outruns us the rings are never empty: the server and the clock want their turn, too. */
#define DRAIN_MAX 16384

struct events {
	struct ring **rings;
	unsigned rings_len;
	int epoll_fd;
	struct event_handlers handlers;
	struct event_counts counts;
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

static bool stream_fits(const struct stream_event *event, size_t size)
{
	return size >= sizeof(*event) && sizeof(*event) + event->len <= size && event->len <= event->bytes &&
	       event->protocol < STREAM_PROTOCOLS;
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
	case EVENT_PROCESS:
		if (size < sizeof(struct process_event))
			return false;
		events->counts.process++;
		handlers->on_process(handlers->context, (const void *)header);
		return true;
	case EVENT_TLS_CLOSE:
		if (size < sizeof(struct tls_close_event))
			return false;
		events->counts.close++;
		handlers->on_tls_close(handlers->context, (const void *)header);
		return true;
	case EVENT_STREAM:
		if (!stream_fits((const void *)header, size))
			return false;
		events->counts.stream++;
		handlers->on_stream(handlers->context, (const void *)header);
		return true;
	}
	return false;
}

static void on_record(void *context, const void *record, size_t size)
{
	struct events *events = context;

	if (size < sizeof(struct event_header) || !dispatch(events, record, size))
		events->counts.malformed++;
}

static int ring_add(struct events *events, int fd)
{
	struct epoll_event wanted = {.events = EPOLLIN};
	int error = ring_new(fd, RING_SIZE, &events->rings[events->rings_len]);

	if (error)
		return error;
	events->rings_len++;
	return epoll_ctl(events->epoll_fd, EPOLL_CTL_ADD, fd, &wanted) ? -errno : 0;
}

int events_new(const struct capture *capture, const struct event_handlers *handlers,
	       struct events **ret_events)
{
	struct events *events = calloc(1, sizeof(*events));
	int error = 0;

	if (!events)
		return -ENOMEM;
	events->handlers = *handlers;
	events->rings = calloc(capture->ring_count, sizeof(*events->rings));
	events->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!events->rings || events->epoll_fd < 0)
		error = events->rings ? -errno : -ENOMEM;
	for (unsigned i = 0; !error && i < capture->ring_count; i++)
		error = ring_add(events, capture->ring_fds[i]);
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
	for (unsigned i = 0; i < events->rings_len; i++)
		ring_free(events->rings[i]);
	if (events->epoll_fd >= 0)
		close(events->epoll_fd);
	free(events->rings);
	free(events);
}

int events_fd(const struct events *events)
{
	return events->epoll_fd;
}

void events_drain(struct events *events)
{
	for (unsigned i = 0; i < events->rings_len; i++)
		ring_drain(events->rings[i], DRAIN_MAX / events->rings_len, on_record, events);
}

const struct event_counts *events_counts(const struct events *events)
{
	return &events->counts;
}
