// SPDX-License-Identifier: Apache-2.0
// Connections of HTTP/2 under any pieces: on few sockets, with positions that go on from the last or come
// from the input. Whatever they make of it, each exchange holds together, there are no more of them than
// HEADERS frames can have stood in what was fed, and all memory is given back.
#include "http2_connections.h"

#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "protocols/http2_frames.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

#define SOCKETS 3

struct input {
	const uint8_t *at;
	size_t len;
};

struct fuzz {
	struct http2_connections *connections;
	struct input input;
	uint64_t positions[SOCKETS][2];
	uint64_t now_ns;
	uint64_t reported;
	uint64_t fed; ///< bytes
};

static uint64_t take(struct input *input, unsigned bytes)
{
	uint64_t number = 0;

	while (bytes--) {
		number = number << 8 | (input->len ? *input->at : 0);
		if (input->len) {
			input->at++;
			input->len--;
		}
	}
	return number;
}

static void check_exchange(void *context, const struct exchange *exchange)
{
	struct fuzz *fuzz = context;
	uint64_t sum = 0;

	for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
		sum += exchange->phase_ns[phase];
	CHECK(sum == exchange->duration_ns);
	CHECK(exchange->first_byte_ns <= exchange->duration_ns);
	CHECK(exchange->method.len > 0 && exchange->method.len <= 32);
	CHECK(exchange->target.len > 0 && exchange->target.len <= 512);
	CHECK(exchange->status == EXCHANGE_ABORTED || exchange->status == EXCHANGE_NONE ||
	      (exchange->status >= 100 && exchange->status <= 999));
	CHECK(exchange->grpc_status <= GRPC_MAX);
	fuzz->reported++;
}

static void check_unfinished(void *context, const struct exchange *exchange)
{
	(void)context;
	CHECK(exchange->method.len > 0 && exchange->target.len > 0);
}

/* Bits of `odd` choose what is implausible. */
static void feed(struct fuzz *fuzz, unsigned socket, uint8_t odd, uint16_t flags)
{
	size_t len = take(&fuzz->input, 2) % (PIECE_MAX + 1);
	uint64_t *position = &fuzz->positions[socket][flags & EVENT_OUT ? 1 : 0];
	struct stream_event *event;

	if (len > fuzz->input.len)
		len = fuzz->input.len;
	event = calloc(1, sizeof(*event) + len);
	CHECK(event);
	event->header = (struct event_header){
		.time_ns = fuzz->now_ns, .socket = socket + 1, .kind = EVENT_STREAM, .flags = flags};
	if (len)
		memcpy(event->data, fuzz->input.at, len);
	fuzz->input.at += len;
	fuzz->input.len -= len;
	event->position = odd & 1 ? *position + (int8_t)take(&fuzz->input, 1) : *position;
	if (odd & 2)
		event->position = take(&fuzz->input, 8) >> 8;
	event->arrival_ns = odd & 4 ? take(&fuzz->input, 8) : fuzz->now_ns;
	event->read_ns = odd & 8 ? fuzz->now_ns : 0;
	event->bytes = len + (odd & 16 ? take(&fuzz->input, 2) : 0);
	event->len = len;
	event->frame = odd & 32 ? take(&fuzz->input, 2) : 0;
	event->tgid = 1;
	*position = (event->position + event->bytes) & (UINT64_MAX >> 8);
	fuzz->fed += len;
	http2_connections_on_stream(fuzz->connections, event);
	free(event);
}

static void step(struct fuzz *fuzz)
{
	static const uint16_t flags[] = {
		0,         EVENT_OUT, 0, EVENT_OUT, EVENT_MIDSTREAM, EVENT_MIDSTREAM | EVENT_OUT,
		EVENT_RAW, EVENT_TLS,
	};
	uint8_t choice = take(&fuzz->input, 1), odd = take(&fuzz->input, 1);
	unsigned socket = choice / 16 % SOCKETS;

	fuzz->now_ns += 1000;
	if (choice % 16 == 15) {
		const struct response_event close = {.header = {.socket = socket + 1,
								.time_ns = fuzz->now_ns,
								.flags = odd & 1 ? EVENT_CLIENT_LEFT : 0}};

		http2_connections_on_close(fuzz->connections, &close);
		memset(fuzz->positions[socket], 0, sizeof(fuzz->positions[socket]));
	} else if (choice % 16 == 14) {
		http2_connections_tick(fuzz->connections, fuzz->now_ns + (uint64_t)odd * 60000000000ULL);
		http2_connections_unfinished(fuzz->connections, check_unfinished, NULL);
	} else {
		feed(fuzz, socket, odd, flags[choice % 8]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct fuzz fuzz = {.input = {input, size}, .now_ns = 1000000000};
	const struct http2_losses *losses;

	CHECK(!http2_connections_new(check_exchange, &fuzz, &fuzz.connections));
	while (fuzz.input.len)
		step(&fuzz);
	losses = http2_connections_losses(fuzz.connections);
	CHECK(fuzz.reported + losses->state + losses->unmatched <=
	      fuzz.fed / HTTP2_FRAME_HEADER_LEN + SOCKETS);
	http2_connections_free(fuzz.connections);
	return 0;
}
