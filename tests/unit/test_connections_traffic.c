// SPDX-License-Identifier: Apache-2.0
// Any traffic: requests and answers drawn by lot and cut anywhere, with and without losses. Each request has
// an answer with a status of its own, so that a mix-up shows.
#include "connections_stage.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define ROUNDS 20000

static unsigned draw(unsigned limit)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 11) % limit);
}

struct message {
	char bytes[4096];
	size_t len;
};

static void append(struct message *message, const char *text)
{
	memcpy(message->bytes + message->len, text, strlen(text) + 1);
	message->len += strlen(text);
}

static void append_body(struct message *message, size_t len)
{
	memset(message->bytes + message->len, 'x', len);
	message->len += len;
}

/* Whether it asks for an answer without a body. */
static bool draw_request(struct message *message, unsigned number, bool bodies)
{
	static const char *const methods[] = {"GET", "HEAD", "DELETE", "POST"};
	const char *method = methods[draw(bodies ? 4 : 3)];
	unsigned body = strcmp(method, "POST") ? 0 : draw(800);
	char head[200];

	snprintf(head, sizeof(head), "%s /r%u HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %u\r\n\r\n",
		 method, number, body);
	message->len = 0;
	append(message, head);
	append_body(message, body);
	return !strcmp(method, "HEAD");
}

/* An answer that says where it ends. */
static void draw_answer(struct message *message, unsigned number, bool to_head, bool chunks, bool longer)
{
	unsigned body = longer && !draw(4) ? draw(3000) : draw(100);
	char head[200];

	message->len = 0;
	if (chunks) {
		snprintf(head, sizeof(head), "HTTP/1.1 %u Status\r\nTransfer-Encoding: chunked\r\n\r\n",
			 200 + number);
		append(message, head);
		for (unsigned i = draw(4); !to_head && i > 0; i--)
			append(message, "a\r\n0123456789\r\n");
		append(message, to_head ? "" : "0\r\n\r\n");
	} else {
		snprintf(head, sizeof(head), "HTTP/1.1 %u Status\r\nContent-Length: %u\r\n\r\n", 200 + number,
			 body);
		append(message, head);
		append_body(message, to_head ? 0 : body);
	}
}

/* Not 204, which has no body. */
static unsigned status_number(unsigned number)
{
	return number < 4 ? number : number + 1;
}

static void assert_own_answers(const struct stage *stage, unsigned round)
{
	for (unsigned i = 0; i < stage->count; i++) {
		unsigned number, status;

		if (sscanf(stage->log[i].text, "%*s /r%u %u", &number, &status) != 2 ||
		    status != 200 + status_number(number))
			fail_msg("round %u: \"%s\"", round, stage->log[i].text);
	}
}

static void assert_all_reported(const struct stage *stage, unsigned count, unsigned round)
{
	assert_own_answers(stage, round);
	if (stage->count != count)
		fail_msg("round %u: %u of %u reported", round, stage->count, count);
	assert_losses(stage, (struct connection_losses){0});
}

static void one_after_the_other(struct stage *stage, unsigned count, unsigned losing)
{
	struct wire *wire = stage_next_wire(stage);
	double at_ms = 0;

	for (unsigned i = 0; i < count; i++) {
		struct message request, answer;
		bool to_head = draw_request(&request, i, true), whole = draw(2);

		draw_answer(&answer, status_number(i), to_head, draw(2), true);
		for (size_t at = 0, len; at < request.len; at += len) {
			len = whole ? request.len : 1 + draw(request.len - at);
			wire_in_bytes(wire, ++at_ms, request.bytes + at, len);
		}
		wire_read(wire, ++at_ms);
		for (size_t at = 0, len; at < answer.len; at += len) {
			len = whole ? answer.len : 1 + draw(answer.len - at);
			wire->lose = losing && !draw(losing);
			wire_out_bytes(wire, ++at_ms, answer.bytes + at, len, draw(2) ? WIRE_QUEUED : 0);
		}
	}
	wire->lose = losing && !draw(losing);
	if (draw(2))
		wire_fin(wire, ++at_ms);
	wire_close(wire, ++at_ms, draw(2));
}

static void requests_one_after_the_other_are_reported_once(void **state)
{
	struct stage *stage = *state;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned count = 1 + draw(6);

		stage->count = 0;
		one_after_the_other(stage, count, 0);
		assert_all_reported(stage, count, round);
	}
}

static void requests_are_reported_once_or_counted_as_lost_once(void **state)
{
	struct stage *stage = *state;
	uint64_t before = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned count = 1 + draw(6), known;

		stage->count = 0;
		one_after_the_other(stage, count, 2 + draw(10));
		connections_tick(stage->connections, wire_time_ns(2 * 3600.0 * 1000));
		known = stage->count + (unsigned)(sum_of_losses(stage) - before) + stage->wire.lost_requests;
		if (known != count)
			fail_msg("round %u: %u of %u reported or counted", round, known, count);
		before = sum_of_losses(stage);
	}
}

/* Several messages at a time, never cut. Answers are those of requests that have arrived. */
static void many_at_once(struct stage *stage, unsigned count, bool bodies, bool longer)
{
	struct wire *wire = stage_next_wire(stage);
	struct message request, answer, segment;
	unsigned asked = 0, answered = 0;
	bool to_head[20] = {false};
	double at_ms = 0;

	while (answered < count) {
		unsigned some = 1 + draw(4);

		segment.len = 0;
		if (asked < count && (asked == answered || draw(2))) {
			for (; some > 0 && asked < count; some--) {
				to_head[asked] = draw_request(&request, asked, bodies);
				if (segment.len + request.len > sizeof(segment.bytes))
					break;
				append_body(&segment, request.len);
				memcpy(segment.bytes + segment.len - request.len, request.bytes, request.len);
				asked++;
			}
			wire_in_bytes(wire, ++at_ms, segment.bytes, segment.len);
			continue;
		}
		for (; some > 0 && answered < asked; some--) {
			draw_answer(&answer, status_number(answered), to_head[answered], false, longer);
			if (segment.len + answer.len > sizeof(segment.bytes))
				break;
			append_body(&segment, answer.len);
			memcpy(segment.bytes + segment.len - answer.len, answer.bytes, answer.len);
			answered++;
		}
		wire_out_bytes(wire, ++at_ms, segment.bytes, segment.len, 0);
	}
	wire_close(wire, ++at_ms, draw(2));
}

static void pipelined_requests_are_reported_once(void **state)
{
	struct stage *stage = *state;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned count = 2 + draw(15);

		stage->count = 0;
		many_at_once(stage, count, false, false);
		assert_all_reported(stage, count, round);
	}
}

static void longer_ones(struct stage *stage, bool bodies)
{
	uint64_t before = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned count = 2 + draw(15), known;

		stage->count = 0;
		many_at_once(stage, count, bodies, true);
		assert_own_answers(stage, round);
		known = stage->count + (unsigned)(sum_of_losses(stage) - before);
		if (known != count)
			fail_msg("round %u: %u of %u reported or counted", round, known, count);
		before = sum_of_losses(stage);
	}
}

/* A body may push the next answer out of what is captured. */
static void behind_longer_answers_they_are_reported_or_counted_once(void **state)
{
	longer_ones(*state, false);
}

/* And the next request. */
static void behind_bodies_they_are_reported_or_counted_once(void **state)
{
	/* Not met yet: README, "Limits", what is said of pipelining. */
	print_message("# known limit\n");
	skip();
	longer_ones(*state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(requests_one_after_the_other_are_reported_once),
		STAGE_TEST(requests_are_reported_once_or_counted_as_lost_once),
		STAGE_TEST(pipelined_requests_are_reported_once),
		STAGE_TEST(behind_longer_answers_they_are_reported_or_counted_once),
		STAGE_TEST(behind_bodies_they_are_reported_or_counted_once),
	};

	return cmocka_run_group_tests_name("connections: any traffic", tests, NULL, NULL);
}
