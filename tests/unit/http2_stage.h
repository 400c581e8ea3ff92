// SPDX-License-Identifier: Apache-2.0
// A connection of HTTP/2 as the kernel side tells it: frames are made with libnghttp2's deflater, cut into
// pieces at will, and fed to http2_connections. What is reported is logged as text.
#ifndef RINGSIDE_TESTS_HTTP2_STAGE_H
#define RINGSIDE_TESTS_HTTP2_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "cleanup.h"
#include "event.h"
#include "http2_connections.h"
#include "protocols/http2_frames.h"

enum { IN, OUT };

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define STAGE_BYTES_MAX 262144

struct h2_stage {
	struct http2_connections *connections;
	nghttp2_hd_deflater *deflaters[2];
	uint64_t position[2];
	uint64_t now_ns, read_ns;
	uint64_t socket;
	uint16_t flags;
	uint32_t sequence;
	bool lose;                   /* pieces are made, and nobody hears of them */
	char bytes[STAGE_BYTES_MAX]; /* frames that were not told yet */
	size_t len;
	unsigned count;
	struct exchange last;
	char log[65536];
};

static inline void h2_log(void *context, const struct exchange *exchange)
{
	struct h2_stage *stage = context;
	uint64_t sum = 0;
	char status[16];

	for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
		sum += exchange->phase_ns[phase];
	assert_int_equal(sum, exchange->duration_ns);
	assert_true(exchange->first_byte_ns <= exchange->duration_ns);
	snprintf(status, sizeof(status), "%u", exchange->status);
	snprintf(stage->log + strlen(stage->log), sizeof(stage->log) - strlen(stage->log), "%s%.*s %.*s %s",
		 stage->count ? ", " : "", (int)exchange->method.len, exchange->method.data,
		 (int)exchange->target.len, exchange->target.data,
		 exchange->status == EXCHANGE_ABORTED ? "aborted"
		 : exchange->status == EXCHANGE_NONE  ? "none"
						      : status);
	if (exchange->grpc)
		snprintf(stage->log + strlen(stage->log), sizeof(stage->log) - strlen(stage->log), " grpc %u",
			 exchange->grpc_status);
	stage->last = *exchange;
	stage->count++;
}

static inline int h2_setup(void **state)
{
	struct h2_stage *stage = calloc(1, sizeof(*stage));

	if (!stage || http2_connections_new(h2_log, stage, &stage->connections) ||
	    nghttp2_hd_deflate_new(&stage->deflaters[IN], 4096) ||
	    nghttp2_hd_deflate_new(&stage->deflaters[OUT], 4096))
		return -1;
	stage->socket = 7;
	stage->now_ns = 1000000000;
	*state = stage;
	return 0;
}

static inline int h2_teardown(void **state)
{
	struct h2_stage *stage = *state;

	http2_connections_free(stage->connections);
	nghttp2_hd_deflate_del(stage->deflaters[IN]);
	nghttp2_hd_deflate_del(stage->deflaters[OUT]);
	free(stage);
	return 0;
}

static inline void h2_bytes(struct h2_stage *stage, const void *bytes, size_t len)
{
	assert_true(stage->len + len <= sizeof(stage->bytes));
	if (len)
		memcpy(stage->bytes + stage->len, bytes, len);
	stage->len += len;
}

static inline void h2_frame(struct h2_stage *stage, uint8_t type, uint8_t flags, uint32_t id,
			    const void *payload, size_t len)
{
	const uint8_t header[9] = {len >> 16, len >> 8, len, type, flags, id >> 24, id >> 16, id >> 8, id};

	h2_bytes(stage, header, sizeof(header));
	h2_bytes(stage, payload, len);
}

/* "name: value\n…" as a block of this direction. */
static inline size_t h2_block(struct h2_stage *stage, int direction, const char *fields, uint8_t *ret_block,
			      size_t room)
{
	nghttp2_nv values[16] = {0};
	AUTO_FREE char *copy = strdup(fields);
	char *save = NULL;
	size_t count = 0;
	ssize_t len;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save), count++) {
		char *colon = strchr(line + 1, ':');

		assert_non_null(colon);
		values[count].name = (uint8_t *)line;
		values[count].namelen = colon - line;
		values[count].value = (uint8_t *)colon + 2;
		values[count].valuelen = strlen(colon + 2);
	}
	len = nghttp2_hd_deflate_hd(stage->deflaters[direction], ret_block, room, values, count);
	assert_true(len >= 0);
	return len;
}

static inline void h2_headers(struct h2_stage *stage, int direction, uint32_t id, uint8_t flags,
			      const char *fields)
{
	uint8_t block[8192];
	size_t len = h2_block(stage, direction, fields, block, sizeof(block));

	h2_frame(stage, HTTP2_HEADERS, flags | HTTP2_END_HEADERS, id, block, len);
}

/* Tell `len` bytes from `from` on of what was made; `frame`: where the first frame begins in them. */
static inline void h2_piece(struct h2_stage *stage, int direction, size_t from, size_t len, uint16_t frame)
{
	struct stream_event *event = calloc(1, sizeof(*event) + len);
	size_t tail = len < 8 ? len : 8;

	assert_non_null(event);
	event->header = (struct event_header){.time_ns = stage->now_ns,
					      .socket = stage->socket,
					      .kind = EVENT_STREAM,
					      .flags = stage->flags | (direction == OUT ? EVENT_OUT : 0)};
	event->position = stage->position[direction] + from;
	event->arrival_ns = stage->now_ns;
	event->read_ns = stage->read_ns;
	event->bytes = event->len = len;
	event->tgid = 42;
	event->frame = frame;
	event->protocol = STREAM_HTTP2;
	memcpy(event->data, stage->bytes + from, len);
	memcpy(event->tail + 8 - tail, stage->bytes + from + len - tail, tail);
	stage->read_ns = 0;
	if (!stage->lose)
		http2_connections_on_stream(stage->connections, event);
	free(event);
}

/* All that was made, in one piece that begins with a frame. */
static inline void h2_tell(struct h2_stage *stage, int direction)
{
	h2_piece(stage, direction, 0, stage->len, 0);
	stage->position[direction] += stage->len;
	stage->len = 0;
}

static inline void h2_open(struct h2_stage *stage)
{
	h2_bytes(stage, PREFACE, 24);
	h2_frame(stage, HTTP2_SETTINGS, 0, 0, NULL, 0);
	h2_piece(stage, IN, 0, stage->len, 24);
	stage->position[IN] += stage->len;
	stage->len = 0;
	h2_frame(stage, HTTP2_SETTINGS, 0, 0, NULL, 0);
	h2_tell(stage, OUT);
}

static inline void h2_request(struct h2_stage *stage, uint32_t id, const char *path)
{
	char fields[512];

	snprintf(fields, sizeof(fields), ":method: GET\n:scheme: http\n:authority: shop\n:path: %s", path);
	h2_headers(stage, IN, id, HTTP2_END_STREAM, fields);
	h2_tell(stage, IN);
}

static inline void h2_answer(struct h2_stage *stage, uint32_t id, const char *status)
{
	char fields[64];

	snprintf(fields, sizeof(fields), ":status: %s\nserver: test", status);
	h2_headers(stage, OUT, id, 0, fields);
	h2_frame(stage, HTTP2_DATA, HTTP2_END_STREAM, id, "hello", 5);
	h2_tell(stage, OUT);
}

static inline void h2_close(struct h2_stage *stage, uint16_t flags)
{
	const struct response_event event = {.header = {.time_ns = stage->now_ns,
							.socket = stage->socket,
							.kind = EVENT_CLOSE,
							.flags = flags}};

	http2_connections_on_close(stage->connections, &event);
}

static inline void h2_assert(const struct h2_stage *stage, const char *expected)
{
	if (strcmp(stage->log, expected) != 0)
		fail_msg("reported \"%s\", not \"%s\"", stage->log, expected);
}

static inline void h2_assert_losses(const struct h2_stage *stage, struct http2_losses expected)
{
	const struct http2_losses *losses = http2_connections_losses(stage->connections);

	if (memcmp(losses, &expected, sizeof(expected)) != 0)
		fail_msg("unmatched %d, state %d, table_full %d, connections %d; not %d, %d, %d, %d",
			 (int)losses->unmatched, (int)losses->state, (int)losses->table_full,
			 (int)losses->connections, (int)expected.unmatched, (int)expected.state,
			 (int)expected.table_full, (int)expected.connections);
}

#define H2_TEST(test) cmocka_unit_test_setup_teardown(test, h2_setup, h2_teardown)

#endif
