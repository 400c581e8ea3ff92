// SPDX-License-Identifier: Apache-2.0
// Connections under any events: on few sockets, with positions, times and sequence numbers that go on from
// the last or come from the input, as do the captured bytes. Whatever they make of it, each exchange holds
// together and there are no more of them than requests can have stood in what was fed.
#include "connections.h"

#include <stdlib.h>
#include <string.h>

#include "event.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

#define SOCKETS 3
/* The shortest head that has a target: "A b HTTP/1.0", two line ends. */
#define REQUEST_LEN_MIN 14

/* What is left of the input. Reads zeros behind its end. */
struct input {
	const uint8_t *at;
	size_t len;
};

/* What the events of a socket go on from. */
struct socket {
	uint64_t in, out;
	uint32_t sequence;
};

struct fuzz {
	struct connections *connections;
	struct input input;
	struct socket sockets[SOCKETS];
	uint64_t now_ns;
	uint64_t reported;
	uint64_t possible; ///< requests that can have stood in what was fed
};

static uint8_t take(struct input *input)
{
	if (!input->len)
		return 0;
	input->len--;
	return *input->at++;
}

static uint64_t take_number(struct input *input, unsigned bytes)
{
	uint64_t number = 0;

	while (bytes--)
		number = number << 8 | take(input);
	return number;
}

/* Usually the next number, sometimes any. */
static uint64_t take_or(struct input *input, bool any, uint64_t next)
{
	return any ? take_number(input, 8) : next;
}

/* No connection lives to see 2^56 bytes. */
static uint64_t take_position(struct input *input, bool any, uint64_t next)
{
	return take_or(input, any, next) & (UINT64_MAX >> 8);
}

static struct slice take_bytes(struct input *input, size_t limit)
{
	size_t len = (size_t)take_number(input, 2) % (limit + 1);
	struct slice bytes = {(const char *)input->at, len < input->len ? len : input->len};

	input->at += bytes.len;
	input->len -= bytes.len;
	return bytes;
}

static bool is_readable(struct slice slice, size_t limit)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < slice.len; i++)
		sum |= slice.data[i] | 1;
	return slice.len > 0 && slice.len <= limit && sum != 0;
}

static void check_exchange(void *context, const struct exchange *exchange)
{
	struct fuzz *fuzz = context;
	uint64_t sum = 0;

	for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
		sum += exchange->phase_ns[phase];
	CHECK(sum == exchange->duration_ns);
	CHECK(exchange->first_byte_ns <= exchange->duration_ns);
	CHECK(is_readable(exchange->method, 32));
	CHECK(is_readable(exchange->target, UINT16_MAX));
	CHECK(exchange->status == EXCHANGE_ABORTED || exchange->status == EXCHANGE_NONE ||
	      (exchange->status >= 100 && exchange->status <= 999));
	fuzz->reported++;
}

static void check_unfinished(void *context, const struct exchange *exchange)
{
	(void)context;
	CHECK(is_readable(exchange->method, 32) && is_readable(exchange->target, UINT16_MAX));
}

static struct event_header header(struct fuzz *fuzz, const struct socket *socket, uint16_t kind,
				  uint16_t flags)
{
	return (struct event_header){.time_ns = fuzz->now_ns,
				     .socket = 1 + (uint64_t)(socket - fuzz->sockets),
				     .kind = kind,
				     .flags = flags};
}

/* The last eight of the bytes, as if the segment were no longer than them. */
static void fill_tail(uint8_t *tail, struct slice bytes)
{
	size_t len = bytes.len < 8 ? bytes.len : 8;

	memset(tail, 0, 8);
	if (len)
		memcpy(tail + 8 - len, bytes.data + bytes.len - len, len);
}

static void copy(uint8_t *to, struct slice bytes)
{
	if (bytes.len)
		memcpy(to, bytes.data, bytes.len);
}

/* An exchange, or a close that leaves its request unanswered. Bits of `odd` choose what is implausible. */
static void feed_exchange(struct fuzz *fuzz, struct socket *socket, bool unanswered, uint8_t odd,
			  uint16_t flags)
{
	struct slice request = take_bytes(&fuzz->input, REQUEST_CAPTURE_MAX);
	struct slice answer = take_bytes(&fuzz->input, unanswered ? 0 : RESPONSE_CAPTURE_MAX);
	size_t room = request.len <= 128 && !unanswered ? 128 : REQUEST_CAPTURE_MAX;
	uint32_t more = odd & 4 ? take_number(&fuzz->input, 2) : 0;
	struct exchange_event *event = malloc(sizeof(*event) + room + answer.len);

	CHECK(event);
	memset(event, 0, sizeof(*event));
	event->header = header(fuzz, socket, unanswered ? EVENT_CLOSE : EVENT_EXCHANGE, flags);
	event->arrival_ns = take_or(&fuzz->input, odd & 1, fuzz->now_ns - 1000);
	event->read_ns = take_or(&fuzz->input, odd & 1, fuzz->now_ns - 600);
	event->on_cpu_ns = take_or(&fuzz->input, odd & 1, 200);
	event->run_queue_ns = take_or(&fuzz->input, odd & 1, 100);
	event->previous_last_ns = take_or(&fuzz->input, odd & 1, fuzz->now_ns - 2000);
	event->request_start = take_position(&fuzz->input, odd & 2, socket->in);
	event->request_end = take_position(&fuzz->input, odd & 2, socket->in + request.len + more);
	event->response_end = take_position(&fuzz->input, odd & 2, socket->out + answer.len + more);
	event->sequence = take_or(&fuzz->input, odd & 8, ++socket->sequence);
	event->response_bytes = odd & 2 ? take_number(&fuzz->input, 4) : answer.len + more;
	event->request_len = request.len;
	event->request_room = room;
	event->response_len = answer.len;
	fill_tail(event->tail, answer);
	copy(event->data, request);
	copy(event->data + room, answer);
	socket->in += request.len + more;
	socket->out += answer.len + more;
	fuzz->possible += 2 + request.len / REQUEST_LEN_MIN;
	if (unanswered)
		connections_on_unanswered(fuzz->connections, event);
	else
		connections_on_exchange(fuzz->connections, event);
	free(event);
}

static void feed_request(struct fuzz *fuzz, struct socket *socket, uint8_t odd, uint16_t flags)
{
	struct slice bytes = take_bytes(&fuzz->input, PIECE_MAX);
	struct request_event *event = malloc(sizeof(*event) + bytes.len);

	CHECK(event);
	memset(event, 0, sizeof(*event));
	event->header = header(fuzz, socket, EVENT_REQUEST, flags);
	event->request_start = take_position(&fuzz->input, odd & 2, socket->in);
	event->request_bytes = odd & 4 ? take_number(&fuzz->input, 4) : bytes.len;
	event->request_len = bytes.len;
	copy(event->data, bytes);
	socket->in += event->request_bytes;
	fuzz->possible += 2 + bytes.len / REQUEST_LEN_MIN;
	connections_on_request(fuzz->connections, event);
	free(event);
}

static void feed_response(struct fuzz *fuzz, struct socket *socket, bool close, uint8_t odd, uint16_t flags)
{
	struct slice bytes = take_bytes(&fuzz->input, close ? 0 : PIECE_MAX);
	struct response_event *event = malloc(sizeof(*event) + bytes.len);

	CHECK(event);
	memset(event, 0, sizeof(*event));
	event->header = header(fuzz, socket, close ? EVENT_CLOSE : EVENT_RESPONSE, flags);
	event->response_bytes = odd & 4 ? take_number(&fuzz->input, 4) : bytes.len;
	event->response_end = take_position(&fuzz->input, odd & 2, socket->out + event->response_bytes);
	event->last_ns = take_or(&fuzz->input, odd & 1, fuzz->now_ns);
	event->response_len = bytes.len;
	fill_tail(event->tail, bytes);
	copy(event->data, bytes);
	socket->out += event->response_bytes;
	fuzz->possible++; /* an answer to a request that was not seen */
	if (close)
		connections_on_close(fuzz->connections, event);
	else
		connections_on_response(fuzz->connections, event);
	free(event);
}

/* A piece of plaintext; the end of a long one may be missing. */
static void feed_stream(struct fuzz *fuzz, struct socket *socket, bool out, uint8_t odd, uint16_t flags)
{
	struct slice bytes = take_bytes(&fuzz->input, PIECE_MAX);
	struct stream_event *event = malloc(sizeof(*event) + bytes.len);

	CHECK(event);
	memset(event, 0, sizeof(*event));
	event->header = header(fuzz, socket, EVENT_STREAM, flags | EVENT_TLS | (out ? EVENT_OUT : 0));
	event->position = take_position(&fuzz->input, odd & 2, out ? socket->out : socket->in);
	event->arrival_ns = take_or(&fuzz->input, odd & 1, fuzz->now_ns - 1000);
	event->read_ns = take_or(&fuzz->input, odd & 1, 0);
	event->on_cpu_ns = take_or(&fuzz->input, odd & 1, 200);
	event->bytes = bytes.len + (odd & 4 ? take_number(&fuzz->input, 2) : 0);
	event->len = bytes.len;
	fill_tail(event->tail, bytes);
	copy(event->data, bytes);
	*(out ? &socket->out : &socket->in) += event->bytes;
	fuzz->possible += 2 + bytes.len / REQUEST_LEN_MIN;
	connections_on_stream(fuzz->connections, event);
	free(event);
}

/* Choices from here on are pieces of TLS. */
#define CHOICE_STREAM 192

/* One event, or what the clock does. */
static void step(struct fuzz *fuzz)
{
	static const uint16_t flags[] = {
		0,
		EVENT_FIN,
		EVENT_CLIENT_LEFT,
		EVENT_SAME_THREAD,
		EVENT_AFTER_LINE,
		EVENT_BEHIND,
		EVENT_STREAMED,
		EVENT_BEHIND | EVENT_AFTER_LINE,
	};
	uint8_t choice = take(&fuzz->input), options = take(&fuzz->input);
	struct socket *socket = &fuzz->sockets[choice / 8 % SOCKETS];
	uint16_t flag = flags[options % 8];
	uint8_t odd = options / 16;

	fuzz->now_ns += 1000 + 200000 * (uint64_t)(options & 8);
	if (choice >= CHOICE_STREAM) {
		feed_stream(fuzz, socket, choice & 1, odd, flag);
		return;
	}
	switch (choice % 8) {
	case 0:
	case 1:
		feed_exchange(fuzz, socket, false, odd, flag);
		break;
	case 2:
		feed_exchange(fuzz, socket, true, odd, flag | EVENT_UNANSWERED);
		break;
	case 3:
		feed_request(fuzz, socket, odd, flag);
		break;
	case 4:
	case 5:
		feed_response(fuzz, socket, false, odd, flag);
		break;
	case 6:
		feed_response(fuzz, socket, true, odd, flag);
		break;
	default:
		connections_tick(fuzz->connections,
				 take_or(&fuzz->input, odd & 1, fuzz->now_ns + 1500000000));
		connections_unfinished(fuzz->connections, check_unfinished, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct fuzz fuzz = {.input = {input, size}, .now_ns = 1000000000};
	const struct connection_losses *losses;

	CHECK(!connections_new(check_exchange, &fuzz, &fuzz.connections));
	while (fuzz.input.len)
		step(&fuzz);
	losses = connections_losses(fuzz.connections);
	CHECK(fuzz.reported <= fuzz.possible);
	CHECK(losses->malformed + losses->incomplete_request <= fuzz.possible);
	CHECK(losses->unmatched + losses->table_full <= 2 * fuzz.possible);
	connections_free(fuzz.connections);
	return 0;
}
