// SPDX-License-Identifier: Apache-2.0
// Connections to PostgreSQL from any pieces, with parts that are not captured, do not come, or come twice:
// whatever is said holds together, and there is no more of it than can have stood in what was fed. With
// nothing missing and nothing malformed, pieces that are cut in two say the same.
#include "postgres_connection.h"

#include <stdlib.h>
#include <string.h>

#include "event.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

#define MEMORY_MAX (64 * 1024)

/* What is left of the input. Reads zeros behind its end. */
struct input {
	const uint8_t *at;
	size_t len;
};

struct fuzz {
	struct postgres_connection connection;
	struct memory_budget budget;
	struct postgres_sink sink;
	uint64_t positions[2];
	uint64_t now_ns;
	uint64_t fed; /* bytes */
	uint64_t told;
	uint64_t sum; /* of all that was told, in its order */
	bool whole;   /* nothing is missing by now */
};

static uint8_t take(struct input *input)
{
	if (!input->len)
		return 0;
	input->len--;
	return *input->at++;
}

static struct slice take_bytes(struct input *input, size_t len)
{
	struct slice bytes = {(const char *)input->at, len < input->len ? len : input->len};

	input->at += bytes.len;
	input->len -= bytes.len;
	return bytes;
}

static void add(struct fuzz *fuzz, uint64_t fact)
{
	fuzz->sum = (fuzz->sum ^ fact) * 0x100000001b3;
}

static void check_query(void *context, const struct postgres_query *query)
{
	struct fuzz *fuzz = context;

	CHECK(query->operation < POSTGRES_OPERATIONS);
	CHECK(query->end_ns <= fuzz->now_ns);
	CHECK(query->timed ? query->start_ns && query->start_ns <= query->end_ns : !query->start_ns);
	CHECK(query->error || !query->sqlstate[0]);
	CHECK(strnlen(query->sqlstate, sizeof(query->sqlstate)) < sizeof(query->sqlstate));
	fuzz->told++;
	add(fuzz, query->operation);
	add(fuzz, query->error);
	add(fuzz, query->timed);
	add(fuzz, query->start_ns);
	add(fuzz, query->end_ns);
}

static void fuzz_init(struct fuzz *fuzz)
{
	*fuzz = (struct fuzz){.now_ns = 1000, .whole = true};
	fuzz->budget.limit = MEMORY_MAX;
	fuzz->sink = (struct postgres_sink){.on_query = check_query, .context = fuzz};
	postgres_connection_init(&fuzz->connection, &fuzz->budget);
}

static void feed(struct fuzz *fuzz, bool server, struct slice bytes, uint32_t cut, uint16_t flags)
{
	struct stream_event *event = malloc(sizeof(*event) + bytes.len);

	CHECK(event);
	memset(event, 0, sizeof(*event));
	event->header.flags = flags | (server ? EVENT_OUT : 0);
	event->header.time_ns = event->arrival_ns = fuzz->now_ns;
	event->position = fuzz->positions[server];
	event->bytes = bytes.len + cut;
	event->len = bytes.len;
	if (bytes.len)
		memcpy(event->data, bytes.data, bytes.len);
	postgres_connection_feed(&fuzz->connection, event, &fuzz->sink);
	free(event);
	fuzz->positions[server] += bytes.len;
	fuzz->fed += bytes.len + cut;
}

/* One and the same piece, whole and cut in two. */
static void feed_both(struct fuzz *once, struct fuzz *twice, struct input *input)
{
	uint8_t what = take(input), more = take(input);
	struct slice bytes = take_bytes(input, take(input) | (what & 0x40) << 2);
	size_t at = bytes.len ? more % bytes.len : 0;
	bool server = what & 1;
	uint16_t flags = what & 0x20 ? EVENT_MIDSTREAM : 0;

	once->now_ns += what & 0x80 ? 2000000000 : 100;
	twice->now_ns = once->now_ns;
	if (what & 2) /* a gap, or a part again */
		once->positions[server] += what & 4 ? (uint64_t)more * more : -(uint64_t)(more & 15);
	once->positions[server] &= UINT64_MAX >> 8;
	if (what & 0x3a)
		once->whole = false;
	feed(once, server, bytes, what & 8 ? more : 0, flags);
	if (what & 8 && what & 0x10) /* the next piece comes behind what was not captured */
		once->positions[server] += more;
	feed(twice, server, (struct slice){bytes.data, at}, 0, flags);
	feed(twice, server, (struct slice){bytes.data + at, bytes.len - at}, 0, flags);
}

static bool is_unbroken(const struct fuzz *fuzz)
{
	const struct postgres_connection *connection = &fuzz->connection;

	return fuzz->whole && connection->phase != POSTGRES_PHASE_UNKNOWN && connection->client.aligned &&
	       (connection->server.aligned || !connection->server.begun) && !fuzz->sink.losses.stretches &&
	       !fuzz->sink.losses.unanswered;
}

static void fuzz_end(struct fuzz *fuzz)
{
	const struct postgres_losses *losses = &fuzz->sink.losses;

	CHECK(fuzz->budget.used <= MEMORY_MAX);
	postgres_connection_end(&fuzz->connection, &fuzz->sink);
	/* A message has five bytes; what fails at a commit was done before. */
	CHECK(fuzz->told + losses->unanswered <= 2 + fuzz->fed / 5 * 2);
	postgres_connection_drop(&fuzz->connection);
	CHECK(!fuzz->budget.used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	static struct fuzz once, twice;
	bool unbroken = true;

	fuzz_init(&once);
	fuzz_init(&twice);
	while (input.len) {
		feed_both(&once, &twice, &input);
		unbroken &= is_unbroken(&once);
		if (unbroken)
			CHECK(once.sum == twice.sum && once.told == twice.told);
	}
	fuzz_end(&once);
	fuzz_end(&twice);
	return 0;
}
