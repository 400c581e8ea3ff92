// SPDX-License-Identifier: Apache-2.0
// Drains the rings and hands each event, checked for its size, to the stage that wants it.
#ifndef RINGSIDE_EVENTS_H
#define RINGSIDE_EVENTS_H

#include "capture.h"

struct exchange_event;
struct request_event;
struct response_event;
struct listen_event;
struct process_event;
struct stream_event;
struct tls_close_event;

/// Who gets what; each call borrows the event. Captured bytes are within the event.
struct event_handlers {
	void (*on_exchange)(void *context, const struct exchange_event *event);
	void (*on_request)(void *context, const struct request_event *event);
	void (*on_response)(void *context, const struct response_event *event);
	void (*on_unanswered)(void *context, const struct exchange_event *event);
	void (*on_close)(void *context, const struct response_event *event);
	void (*on_listen)(void *context, const struct listen_event *event);
	void (*on_process)(void *context, const struct process_event *event);
	void (*on_tls_close)(void *context, const struct tls_close_event *event);
	void (*on_stream)(void *context, const struct stream_event *event);
	void *context;
};

/// Events received so far, by what `ringside_events_total` calls them.
struct event_counts {
	uint64_t exchange;
	uint64_t request;
	uint64_t response;
	uint64_t close;
	uint64_t listen;
	uint64_t process;
	uint64_t stream;
	uint64_t malformed;
};

struct events;

int events_new(const struct capture *capture, const struct event_handlers *handlers,
	       struct events **ret_events);
void events_free(struct events *events);
/// Readable anew when the kernel wakes the reader: for an event that cannot wait for the next drain, and as a
/// ring fills. Watch it edge-triggered: a ring that is not empty stays readable.
int events_fd(const struct events *events);
/// Hands on what is in the rings now, up to a bound.
void events_drain(struct events *events);
const struct event_counts *events_counts(const struct events *events);

#endif
