// SPDX-License-Identifier: Apache-2.0
// Connections between a wire and a log: what the tests of user/connections.c stand on. Whatever is reported
// is checked for what always holds, copied, and compared as text.
#ifndef RINGSIDE_TESTS_CONNECTIONS_STAGE_H
#define RINGSIDE_TESTS_CONNECTIONS_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire_events.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: shop.example\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

#define CREATED "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nid"

#define LOG_MAX 4096

struct logged {
	struct exchange exchange; ///< its slices are gone
	char text[640];           ///< "GET /hello 200"
};

struct stage {
	struct connections *connections;
	struct wire wire;
	unsigned count;
	struct logged log[LOG_MAX];
};

/* What holds for any exchange, however odd the events were. */
static inline void check_exchange(const struct exchange *exchange)
{
	uint64_t sum = 0;

	for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
		sum += exchange->phase_ns[phase];
	assert_int_equal(sum, exchange->duration_ns);
	assert_true(exchange->first_byte_ns <= exchange->duration_ns);
	assert_true(exchange->method.len > 0 && exchange->method.len <= 32);
	assert_true(exchange->target.len > 0 && exchange->target.len <= REQUEST_CAPTURE_MAX);
	assert_true(exchange->status == EXCHANGE_ABORTED || exchange->status == EXCHANGE_NONE ||
		    (exchange->status >= 100 && exchange->status <= 999));
}

static inline void stage_log(void *context, const struct exchange *exchange)
{
	struct stage *stage = context;
	struct logged *logged =
		&stage->log[stage->count % LOG_MAX]; /* too many to be looked at are counted */
	char status[8];

	check_exchange(exchange);
	snprintf(status, sizeof(status), "%u", exchange->status);
	snprintf(logged->text, sizeof(logged->text), "%.*s %.*s %s", (int)exchange->method.len,
		 exchange->method.data, (int)exchange->target.len, exchange->target.data,
		 exchange->status == EXCHANGE_ABORTED ? "aborted"
		 : exchange->status == EXCHANGE_NONE  ? "none"
						      : status);
	logged->exchange = *exchange;
	logged->exchange.method = logged->exchange.target = (struct slice){0};
	stage->count++;
}

static inline int stage_setup(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	if (!stage || connections_new(stage_log, stage, &stage->connections))
		return -1;
	stage->wire = (struct wire){.connections = stage->connections, .socket = 1};
	*state = stage;
	return 0;
}

static inline int stage_teardown(void **state)
{
	struct stage *stage = *state;

	connections_free(stage->connections);
	free(stage);
	return 0;
}

/// The connection is forgotten, another one begins.
static inline struct wire *stage_next_wire(struct stage *stage)
{
	stage->wire = (struct wire){.connections = stage->connections, .socket = stage->wire.socket + 1};
	return &stage->wire;
}

/// All that was reported so far, in order: "GET /a 200, GET /b 404".
static inline void assert_log(const struct stage *stage, const char *expected)
{
	static char text[LOG_MAX * sizeof(stage->log[0].text)];
	size_t len = 0;

	assert_true(stage->count <= LOG_MAX);
	text[0] = '\0';
	for (unsigned i = 0; i < stage->count; i++)
		len += sprintf(text + len, "%s%s", i ? ", " : "", stage->log[i].text);
	if (strcmp(text, expected) != 0)
		fail_msg("reported \"%s\", not \"%s\"", text, expected);
}

static inline void assert_losses(const struct stage *stage, struct connection_losses expected)
{
	const struct connection_losses *losses = connections_losses(stage->connections);

	if (memcmp(losses, &expected, sizeof(expected)) != 0)
		fail_msg("unmatched %d, table_full %d, incomplete_request %d, malformed %d; not %d, %d, %d, "
			 "%d",
			 (int)losses->unmatched, (int)losses->table_full, (int)losses->incomplete_request,
			 (int)losses->malformed, (int)expected.unmatched, (int)expected.table_full,
			 (int)expected.incomplete_request, (int)expected.malformed);
}

static inline uint64_t sum_of_losses(const struct stage *stage)
{
	const struct connection_losses *losses = connections_losses(stage->connections);

	return losses->unmatched + losses->table_full + losses->incomplete_request + losses->malformed;
}

/// Everything was reported, nothing was counted as lost.
static inline void assert_only(const struct stage *stage, const char *expected)
{
	assert_log(stage, expected);
	assert_losses(stage, (struct connection_losses){0});
}

static inline void assert_times(const struct stage *stage, unsigned index, double first_byte_ms,
				double duration_ms)
{
	const struct exchange *exchange = &stage->log[index].exchange;

	assert_true(index < stage->count);
	assert_int_equal(exchange->first_byte_ns, (uint64_t)(first_byte_ms * 1e6));
	assert_int_equal(exchange->duration_ns, (uint64_t)(duration_ms * 1e6));
}

static inline void assert_bytes(const struct stage *stage, unsigned index, uint64_t request_bytes,
				uint64_t response_bytes)
{
	assert_true(index < stage->count);
	assert_int_equal(stage->log[index].exchange.request_bytes, request_bytes);
	assert_int_equal(stage->log[index].exchange.response_bytes, response_bytes);
}

/// The parts one behind the other; good until the call after the next.
static inline const char *join(const char *const *parts, size_t count)
{
	static char text[2][8192];
	static unsigned turn;
	char *joined = text[++turn % 2];

	joined[0] = '\0';
	for (size_t i = 0; i < count; i++)
		strcat(joined, parts[i]);
	return joined;
}

/// The same, of one part.
static inline const char *repeat(const char *part, size_t count)
{
	const char *parts[256];

	assert_true(count <= sizeof(parts) / sizeof(*parts));
	for (size_t i = 0; i < count; i++)
		parts[i] = part;
	return join(parts, count);
}

#define STAGE_TEST(test) cmocka_unit_test_setup_teardown(test, stage_setup, stage_teardown)

#endif
