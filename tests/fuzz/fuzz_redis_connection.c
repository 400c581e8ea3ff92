// SPDX-License-Identifier: Apache-2.0
// A connection to Redis that says anything in any pieces: nothing is told that was not asked, in no time that
// cannot be, all memory comes back; and where nothing is missing, every byte as a piece of its own tells the
// same. Input: pieces, each a byte that says what kind it is, one for its length, for its kind one more, then
// its bytes.
#include "event.h"
#include "memory_budget.h"
#include "redis_connection.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())

enum piece { PIECE_OUT = 1, PIECE_GAP = 2, PIECE_CUT = 4, PIECE_QUIET = 8, PIECE_MIDSTREAM = 16 };

struct run {
	struct memory_budget budget;
	struct redis_connection *connection;
	struct redis_sink sink;
	uint64_t positions[2], now_ns, told, sum, in_bytes;
	bool whole; ///< nothing was missing
	bool bytewise;
};

static void on_call(void *context, const struct redis_call *call)
{
	struct run *run = context;

	CHECK(call->start_ns && call->start_ns <= call->end_ns && call->end_ns <= run->now_ns);
	run->told++;
	run->sum = run->sum * 31 + strlen(call->command) * 4 + call->error * 2 + call->queued;
}

static void piece_feed(struct run *run, unsigned kind, const uint8_t *bytes, size_t len, size_t captured)
{
	struct stream_event *event = calloc(1, sizeof(*event) + captured);
	size_t tail = len < sizeof(event->tail) ? len : sizeof(event->tail);

	CHECK(event);
	event->header.time_ns = event->arrival_ns = run->now_ns;
	event->header.flags =
		(kind & PIECE_OUT ? EVENT_OUT : 0) | (kind & PIECE_MIDSTREAM ? EVENT_MIDSTREAM : 0);
	event->position = run->positions[kind & PIECE_OUT];
	event->bytes = (uint32_t)len;
	event->len = (uint32_t)captured;
	memcpy(event->data, bytes, captured);
	memcpy(event->tail + sizeof(event->tail) - tail, bytes + len - tail, tail);
	run->positions[kind & PIECE_OUT] += len;
	redis_connection_feed(run->connection, event, &run->sink);
	free(event);
}

/* Returns how many bytes of the input it took. */
static size_t piece_take(struct run *run, const uint8_t *input, size_t size)
{
	unsigned kind = input[0];
	size_t header = kind & (PIECE_GAP | PIECE_CUT) ? 3 : 2, len;

	if (size < header)
		return size;
	len = input[1] < size - header ? input[1] : size - header;
	run->now_ns += kind & PIECE_QUIET ? 2000000000 : 1000;
	if (kind & PIECE_GAP)
		run->positions[kind & PIECE_OUT] += input[2];
	if (kind & (PIECE_GAP | PIECE_CUT | PIECE_MIDSTREAM))
		run->whole = false;
	run->in_bytes += kind & PIECE_OUT ? 0 : len;
	if (run->bytewise)
		for (size_t i = 0; i < len; i++)
			piece_feed(run, kind, input + header + i, 1, 1);
	else
		piece_feed(run, kind, input + header, len,
			   kind & PIECE_CUT && input[2] < len ? input[2] : len);
	return header + len;
}

static struct run run_all(const uint8_t *input, size_t size, bool bytewise)
{
	struct run run = {.budget = {.limit = 8192}, .whole = true, .bytewise = bytewise};

	run.connection = redis_connection_new(&run.budget);
	CHECK(run.connection);
	run.sink = (struct redis_sink){.on_call = on_call, .context = &run};
	while (size) {
		size_t taken = piece_take(&run, input, size);

		input += taken;
		size -= taken;
	}
	redis_connection_end(run.connection, &run.sink);
	redis_connection_free(run.connection);
	CHECK(!run.budget.used);
	CHECK(run.told + run.sink.losses.commands <= run.in_bytes);
	return run;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct run once = run_all(input, size, false), twice;

	if (!once.whole || once.sink.losses.stretches)
		return 0;
	twice = run_all(input, size, true);
	CHECK(once.told == twice.told && once.sum == twice.sum);
	CHECK(once.sink.losses.commands == twice.sink.losses.commands);
	CHECK(!twice.sink.losses.stretches && once.sink.losses.unanswered == twice.sink.losses.unanswered);
	return 0;
}
