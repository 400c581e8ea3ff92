// SPDX-License-Identifier: Apache-2.0
// One connection as the kernel programs see it: segments of text come in and go out, and the records that
// bpf/ makes of them go to connections. Each record ends where its bytes do, so that a stage which reads
// further dies on the spot. A change of the programs' rules belongs here, too: each function names the one
// that it follows.
#ifndef RINGSIDE_TESTS_WIRE_EVENTS_H
#define RINGSIDE_TESTS_WIRE_EVENTS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "connections.h"
#include "event.h"

/// The clock's zero in tests; before it lies what was never set.
#define WIRE_EPOCH_NS 5000000000000ULL
#define WIRE_CGROUP 77
#define WIRE_NETNS 4026531840U
#define WIRE_PORT 8080
#define WIRE_TGID 4242
/* As much as the programs look at to tell what begins: START_LEN in bpf/segment.bpf.h. */
#define WIRE_START 24

enum wire_flag {
	WIRE_FIN = 1 << 0,    ///< the segment ends our side of the connection
	WIRE_QUEUED = 1 << 1, ///< more of what was written stands in the send queue behind it
};

struct wire {
	struct connections *connections;
	uint64_t socket;
	bool lose;              ///< the next record finds the ring full
	unsigned lost_requests; ///< requests that went with such records

	/* What the programs find when the next answer begins. */
	bool same_thread, client_fin;
	uint64_t on_cpu_ns, run_queue_ns;

	/* The kernel's state: names as in bpf/shared.bpf.h. */
	bool waiting, given_up, answered, fin_sent, streamed, empty_line;
	uint64_t arrival_ns, read_ns, last_ns;
	uint64_t request_start, request_end, response_end;
	uint32_t sequence, read_tgid, request_len;
	size_t capture_left;
	char request[REQUEST_CAPTURE_MAX];
};

static inline uint64_t wire_time_ns(double at_ms)
{
	return WIRE_EPOCH_NS + (uint64_t)(at_ms * 1e6);
}

static inline size_t wire_at_most(size_t len, size_t limit)
{
	return len < limit ? len : limit;
}

/* segment.bpf.h start_is_request() */
static inline bool wire_begins_request(const char *data, size_t len)
{
	static const char usual[][5] = {"GET ", "POST", "PUT ", "HEAD", "CONN"};
	static const char token[] = "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t method = 0;

	for (size_t i = 0; i < 5; i++)
		if (len >= 4 && !memcmp(data, usual[i], 4))
			return true;
	for (size_t i = 0; i < WIRE_START - 1; i++) {
		if (i >= len)
			return method > 0;
		if (!method && (data[i] == '\r' || data[i] == '\n'))
			continue;
		if (data[i] == ' ')
			return method > 0 && (i + 1 >= len || memchr("/*hH", data[i + 1], 4));
		if (!memchr(token, data[i], sizeof(token) - 1))
			return false;
		method++;
	}
	return false;
}

/* segment.bpf.h start_is_response() */
static inline bool wire_begins_response(const char *data, size_t len)
{
	return len > 0 && !memcmp(data, "HTTP/1.", wire_at_most(len, 7));
}

static inline bool wire_ends_line(const char *data, size_t len)
{
	return len >= 4 && !memcmp(data + len - 4, "\r\n\r\n", 4);
}

/* request.bpf.c request_has_next(), which looks at what is kept, and segment_has_next(). */
static inline bool wire_has_next(const char *data, size_t len, size_t head_max)
{
	size_t at = 4;

	while (at < len && at <= head_max && !wire_ends_line(data, at))
		at++;
	return at < len && at <= head_max &&
	       wire_begins_request(data + at, wire_at_most(len - at, WIRE_START));
}

/* Whether the ring is full; `requests` is how many are then not reported. */
static inline bool wire_loses(struct wire *wire, unsigned requests)
{
	bool lost = wire->lose;

	wire->lose = false;
	if (lost)
		wire->lost_requests += requests;
	return lost;
}

static inline struct event_header wire_header(const struct wire *wire, uint16_t kind, uint16_t flags,
					      uint64_t now_ns)
{
	return (struct event_header){
		.time_ns = now_ns, .socket = wire->socket, .kind = kind, .flags = flags, .netns = WIRE_NETNS};
}

/* segment.bpf.h segment_tail() */
static inline void wire_tail(uint8_t *ret_tail, const char *data, size_t len)
{
	size_t kept = wire_at_most(len, 8);

	memset(ret_tail, 0, 8);
	memcpy(ret_tail + 8 - kept, data + len - kept, kept);
}

/* shared.bpf.h exchange_fill(), with room for an answer's bytes. */
static inline struct exchange_event *wire_exchange(const struct wire *wire, uint16_t kind, uint16_t flags,
						   uint64_t now_ns, size_t response_len)
{
	size_t room = kind == EVENT_EXCHANGE && wire->request_len <= 128 ? 128 : REQUEST_CAPTURE_MAX;
	struct exchange_event *event = malloc(sizeof(*event) + room + response_len);

	*event = (struct exchange_event){
		.header = wire_header(wire, kind, flags, now_ns),
		.arrival_ns = wire->arrival_ns,
		.read_ns = wire->read_ns,
		.previous_last_ns = wire->last_ns,
		.request_start = wire->request_start,
		.request_end = wire->request_end,
		.response_end = wire->response_end,
		.cgroup = WIRE_CGROUP,
		.tgid = wire->read_tgid,
		.sequence = wire->sequence,
		.request_len = wire->request_len,
		.request_room = room,
		.response_len = response_len,
		.local_port = WIRE_PORT,
		.remote_port = 50000,
		.family = AF_INET,
	};
	memset(event->data, 0xa5, room);
	memcpy(event->data, wire->request, wire->request_len);
	return event;
}

/* request.bpf.c piece_send() */
static inline void wire_piece_in(struct wire *wire, uint64_t now_ns, const char *data, size_t len,
				 uint64_t position, uint16_t flags)
{
	struct request_event *event;

	if (wire_loses(wire, 0))
		return;
	event = malloc(sizeof(*event) + len);
	*event = (struct request_event){
		.header = wire_header(wire, EVENT_REQUEST, flags, now_ns),
		.request_start = position,
		.response_end = wire->response_end,
		.cgroup = WIRE_CGROUP,
		.request_bytes = len,
		.request_len = len,
		.tgid = wire->read_tgid,
		.local_port = WIRE_PORT,
	};
	memcpy(event->data, data, len);
	connections_on_request(wire->connections, event);
	free(event);
}

/* request.bpf.c request_stream() */
static inline void wire_pieces_in(struct wire *wire, uint64_t now_ns, const char *data, size_t len)
{
	uint16_t flags = (wire->waiting ? EVENT_BEHIND : 0) | (wire->empty_line ? EVENT_AFTER_LINE : 0);

	wire->streamed = true;
	for (size_t at = 0; at < len; at += PIECE_MAX) {
		wire_piece_in(wire, now_ns, data + at, wire_at_most(len - at, PIECE_MAX),
			      wire->request_end + at, flags);
		flags &= ~EVENT_AFTER_LINE;
	}
}

/* request.bpf.c request_keep(): at most REQUEST_SPARE bytes at once. */
static inline void wire_keep(struct wire *wire, const char *data, size_t len)
{
	size_t kept = wire_at_most(wire_at_most(len, 256), REQUEST_CAPTURE_MAX - wire->request_len);

	memcpy(wire->request + wire->request_len, data, kept);
	wire->request_len += kept;
}

/* request.bpf.c request_came() */
static inline void wire_begin(struct wire *wire, uint64_t now_ns, const char *data, size_t len)
{
	wire->arrival_ns = now_ns;
	wire->request_start = wire->request_end;
	wire->read_ns = 0;
	wire->read_tgid = 0;
	wire->request_len = wire_at_most(len, REQUEST_CAPTURE_MAX);
	memcpy(wire->request, data, wire->request_len);
	if (len > REQUEST_CAPTURE_MAX && wire_has_next(data, len, 8192)) {
		wire_pieces_in(wire, now_ns, data, len);
		return;
	}
	wire->sequence++;
	wire->waiting = true;
}

/* request.bpf.c request_went_on() */
static inline void wire_went_on(struct wire *wire, uint64_t now_ns, const char *data, size_t len)
{
	bool all_kept = wire->request_end - wire->request_start == wire->request_len;
	bool head_ended = wire->empty_line || !all_kept;

	if (len >= WIRE_START && wire_begins_request(data, len) && head_ended)
		wire_pieces_in(wire, now_ns, data, len);
	else if (!head_ended)
		wire_keep(wire, data, len);
}

/// A segment arrives: request.bpf.c segment_came_in().
static inline void wire_in_bytes(struct wire *wire, double at_ms, const char *data, size_t len)
{
	uint64_t now_ns = wire_time_ns(at_ms);

	if (wire->given_up)
		return;
	if (wire->streamed)
		wire_pieces_in(wire, now_ns, data, len);
	else if (wire->waiting)
		wire_went_on(wire, now_ns, data, len);
	else if (wire_begins_request(data, len))
		wire_begin(wire, now_ns, data, len);
	wire->empty_line = wire_ends_line(data, len);
	wire->request_end += len;
}

static inline void wire_in(struct wire *wire, double at_ms, const char *text)
{
	wire_in_bytes(wire, at_ms, text, strlen(text));
}

/// The application reads what has arrived: read.bpf.c.
static inline void wire_read(struct wire *wire, double at_ms)
{
	if (!wire->waiting || wire->read_ns)
		return;
	wire->read_ns = wire_time_ns(at_ms);
	wire->read_tgid = WIRE_TGID;
}

/* answer.bpf.c response_send() */
static inline void wire_piece_out(struct wire *wire, uint64_t now_ns, const char *data, size_t len,
				  size_t kept, bool fin)
{
	struct response_event *event;

	if (wire_loses(wire, 0))
		return;
	event = malloc(sizeof(*event) + kept);
	*event = (struct response_event){
		.header = wire_header(wire, EVENT_RESPONSE, fin ? EVENT_FIN : 0, now_ns),
		.response_end = wire->response_end + len,
		.last_ns = len ? now_ns : wire->last_ns,
		.response_bytes = len,
		.response_len = kept,
	};
	wire_tail(event->tail, data, len);
	memcpy(event->data, data, kept);
	wire->fin_sent |= fin;
	connections_on_response(wire->connections, event);
	free(event);
}

/* answer.bpf.c response_stream(): as many pieces as 16 KiB have, and the rest in one. Moves response_end. */
static inline void wire_pieces_out(struct wire *wire, uint64_t now_ns, const char *data, size_t len, bool fin)
{
	for (unsigned i = 0; i == 0 || len; i++) {
		size_t piece = i < 4 ? wire_at_most(len, PIECE_MAX) : len;

		wire_piece_out(wire, now_ns, data, piece, wire_at_most(piece, PIECE_MAX),
			       fin && piece == len);
		wire->response_end += piece;
		data += piece;
		len -= piece;
	}
}

/* answer.bpf.c is_pipelining() */
static inline bool wire_is_pipelining(const struct wire *wire, size_t len)
{
	bool bodiless = wire->request[0] != 'P';

	if (len <= RESPONSE_CAPTURE_MAX && (!bodiless || wire->empty_line))
		return false;
	return wire_has_next(wire->request, wire->request_len, REQUEST_CAPTURE_MAX - WIRE_START);
}

/* answer.bpf.c answer_began(). Moves response_end. */
static inline void wire_answer_began(struct wire *wire, uint64_t now_ns, const char *data, size_t len,
				     bool fin)
{
	bool streams = !wire->streamed && wire_is_pipelining(wire, len);
	size_t kept = wire_at_most(len, RESPONSE_CAPTURE_MAX);
	size_t first = wire->streamed || streams ? kept : len;
	uint16_t flags = (fin && first == len ? EVENT_FIN : 0) | (wire->client_fin ? EVENT_CLIENT_LEFT : 0) |
			 (wire->same_thread ? EVENT_SAME_THREAD : 0) | (streams ? EVENT_STREAMED : 0);

	wire->streamed |= streams;
	if (!wire_loses(wire, 1)) {
		struct exchange_event *event = wire_exchange(wire, EVENT_EXCHANGE, flags, now_ns, kept);

		event->response_end += first;
		event->response_bytes = first;
		event->on_cpu_ns = wire->on_cpu_ns;
		event->run_queue_ns = wire->run_queue_ns;
		wire_tail(event->tail, data, first);
		memcpy(event->data + event->request_room, data, kept);
		wire->fin_sent |= fin && first == len;
		connections_on_exchange(wire->connections, event);
		free(event);
	}
	wire->response_end += first;
	if (len > first)
		wire_pieces_out(wire, now_ns, data + first, len - first, fin);
	wire->capture_left = 0;
	if (len < RESPONSE_CAPTURE_MAX && !wire_ends_line(data, len))
		wire->capture_left = RESPONSE_CAPTURE_MAX - len;
	wire->answered = true;
	wire->waiting = false;
	wire->given_up = len >= 12 && data[9] == '1';
}

/* answer.bpf.c answer_went_on(). Moves response_end. */
static inline void wire_answer_went_on(struct wire *wire, uint64_t now_ns, const char *data, size_t len,
				       unsigned flags)
{
	bool next = wire_begins_response(data, len), fin = flags & WIRE_FIN;
	size_t kept = wire_at_most(len, next ? RESPONSE_CAPTURE_MAX : wire->capture_left);

	if (wire->streamed) {
		wire_pieces_out(wire, now_ns, data, len, fin);
		return;
	}
	if (!next)
		wire->capture_left -= kept;
	if (next || kept || fin || !(flags & WIRE_QUEUED))
		wire_piece_out(wire, now_ns, data, len, kept, fin);
	wire->response_end += len;
}

/* answer.bpf.c skip_interim(): bytes to pass over, or all of them if no answer stands behind. */
static inline size_t wire_interim(const char *data, size_t len)
{
	if (len < 12 || data[9] != '1' || (data[10] == '0' && data[11] == '1'))
		return 0;
	for (size_t at = 16; at + 14 <= len && at < 512; at++)
		if (!memcmp(data + at, "\r\n\r\nHTTP", 8) && data[at + 13] != '1')
			return at + 4;
	return len;
}

/// A segment leaves: answer.bpf.c segment_goes_out(). `flags`: enum wire_flag.
static inline void wire_out_bytes(struct wire *wire, double at_ms, const char *data, size_t len,
				  unsigned flags)
{
	uint64_t now_ns = wire_time_ns(at_ms);

	if (wire->given_up)
		return;
	if (len == 0) {
		if ((wire->answered || wire->streamed) && !wire->fin_sent && !wire->waiting)
			wire_answer_went_on(wire, now_ns, data, 0, flags);
		return;
	}
	if (wire->waiting && wire_begins_response(data, len)) {
		size_t interim = wire_interim(data, len);

		wire->response_end += interim;
		if (interim == len)
			return;
		wire_answer_began(wire, now_ns, data + interim, len - interim, flags & WIRE_FIN);
	} else if (wire->answered || wire->streamed) {
		wire->answered = true;
		wire_answer_went_on(wire, now_ns, data, len, flags);
	} else {
		wire->given_up = true;
		return;
	}
	wire->last_ns = now_ns;
}

static inline void wire_out(struct wire *wire, double at_ms, const char *text)
{
	wire_out_bytes(wire, at_ms, text, strlen(text), 0);
}

/// Our side ends without a byte.
static inline void wire_fin(struct wire *wire, double at_ms)
{
	wire_out_bytes(wire, at_ms, "", 0, WIRE_FIN);
}

/// The connection is over: tcp.bpf.c connection_closed().
static inline void wire_close(struct wire *wire, double at_ms, bool client_left)
{
	uint16_t flags = client_left ? EVENT_CLIENT_LEFT : 0;
	uint64_t now_ns = wire_time_ns(at_ms);

	if (wire->waiting) {
		struct exchange_event *event;

		wire->waiting = false;
		if (wire_loses(wire, 1))
			return;
		event = wire_exchange(wire, EVENT_CLOSE, flags | EVENT_UNANSWERED, now_ns, 0);
		connections_on_unanswered(wire->connections, event);
		free(event);
	} else if ((wire->answered || wire->streamed) && !wire->given_up && !wire->fin_sent &&
		   !wire_loses(wire, 0)) {
		struct response_event event = {.header = wire_header(wire, EVENT_CLOSE, flags, now_ns),
					       .response_end = wire->response_end,
					       .last_ns = wire->last_ns};

		connections_on_close(wire->connections, &event);
	}
}

#endif
