// SPDX-License-Identifier: Apache-2.0
// HTTP/1 in TLS: pieces of plaintext as the libraries give and take them (bpf/tls.bpf.c), where bodies are
// cut.
#include "connections_stage.h"

/* What of a piece is captured; the kernel side's numbers, or a test's. */
#define ALL SIZE_MAX

struct tls {
	struct stage *stage;
	uint64_t position[2]; /* in, out */
	uint16_t flags;
	double arrival_ms, read_ms; /* of what comes in next; 0: as it is told, not seen */
	uint64_t on_cpu_ns, run_queue_ns;
};

static void tls_tell(struct tls *tls, bool out, double at_ms, const char *bytes, size_t captured)
{
	size_t len = strlen(bytes), kept = wire_at_most(len, captured), tail = wire_at_most(len, 8);
	struct stream_event *event = calloc(1, sizeof(*event) + kept);

	assert_non_null(event);
	event->header = (struct event_header){.time_ns = wire_time_ns(at_ms),
					      .socket = tls->stage->wire.socket,
					      .kind = EVENT_STREAM,
					      .netns = WIRE_NETNS,
					      .flags = EVENT_TLS | tls->flags | (out ? EVENT_OUT : 0)};
	event->position = tls->position[out];
	event->arrival_ns = wire_time_ns(!out && tls->arrival_ms > 0 ? tls->arrival_ms : at_ms);
	event->read_ns = !out && tls->read_ms > 0 ? wire_time_ns(tls->read_ms) : 0;
	event->on_cpu_ns = out ? tls->on_cpu_ns : 0;
	event->run_queue_ns = out ? tls->run_queue_ns : 0;
	event->bytes = len;
	event->len = kept;
	event->tgid = WIRE_TGID;
	event->local_port = WIRE_PORT;
	event->frame = NO_FRAME;
	memcpy(event->tail + 8 - tail, bytes + len - tail, tail);
	memcpy(event->data, bytes, kept);
	connections_on_stream(tls->stage->connections, event);
	free(event);
	tls->position[out] += len;
}

static void tls_in(struct tls *tls, double at_ms, const char *bytes)
{
	tls_tell(tls, false, at_ms, bytes, ALL);
}

static void tls_out(struct tls *tls, double at_ms, const char *bytes)
{
	tls_tell(tls, true, at_ms, bytes, RESPONSE_CAPTURE_MAX);
}

static void tls_close(struct tls *tls, double at_ms, uint16_t flags)
{
	/* Positions and times of the wire are those of records. */
	struct response_event event = {
		.header = {.time_ns = wire_time_ns(at_ms),
			   .socket = tls->stage->wire.socket,
			   .kind = EVENT_CLOSE,
			   .flags = flags},
		.response_end = 99999,
		.last_ns = wire_time_ns(at_ms),
	};

	connections_on_close(tls->stage->connections, &event);
}

static void a_kept_connection_serves_one_request_after_the_other(void **state)
{
	struct tls tls = {.stage = *state};

	for (unsigned i = 0; i < 3; i++) {
		tls_in(&tls, 10 * i + 1, GET("/hello"));
		tls_out(&tls, 10 * i + 4, OK);
	}
	tls_close(&tls, 40, 0);
	assert_only(tls.stage, "GET /hello 200, GET /hello 200, GET /hello 200");
	assert_times(tls.stage, 2, 3, 3);
	assert_bytes(tls.stage, 2, strlen(GET("/hello")), strlen(OK));
}

static void phases_come_with_the_answer(void **state)
{
	struct tls tls = {.stage = *state, .arrival_ms = 1, .read_ms = 3};
	const uint64_t *phase;

	tls_in(&tls, 3.5, GET("/work"));
	tls.flags = EVENT_SAME_THREAD;
	tls.on_cpu_ns = 2000000;
	tls.run_queue_ns = 1000000;
	tls_out(&tls, 9, OK);
	assert_only(tls.stage, "GET /work 200");
	assert_times(tls.stage, 0, 8, 8);
	phase = tls.stage->log[0].exchange.phase_ns;
	assert_int_equal(phase[PHASE_SOCKET_WAIT], 2000000);
	assert_int_equal(phase[PHASE_ON_CPU], 2000000);
	assert_int_equal(phase[PHASE_RUN_QUEUE], 1000000);
	assert_int_equal(phase[PHASE_BLOCKED], 3000000);
}

static void a_request_one_byte_at_a_time(void **state)
{
	struct tls tls = {.stage = *state};
	const char *request = GET("/slow");
	char byte[2] = "";

	for (size_t i = 0; request[i]; i++) {
		byte[0] = request[i];
		tls_in(&tls, 1 + i, byte);
	}
	tls_out(&tls, 100, OK);
	assert_only(tls.stage, "GET /slow 200");
	assert_times(tls.stage, 0, 99, 99);
}

/* Of bodies only the beginning of each piece is captured. */
static void a_long_upload_is_followed_by_its_length(void **state)
{
	struct tls tls = {.stage = *state};
	const char *part = repeat("GET / HTTP/1.1\r\n\r\n", 100);
	char head[128];

	snprintf(head, sizeof(head), "POST /upload HTTP/1.1\r\nContent-Length: %zu\r\n\r\n",
		 3 * strlen(part));
	tls_in(&tls, 1, head);
	for (unsigned i = 0; i < 3; i++)
		tls_tell(&tls, false, 2 + i, part, 256);
	tls_out(&tls, 9, CREATED);
	tls_in(&tls, 10, GET("/after"));
	tls_out(&tls, 11, OK);
	assert_only(tls.stage, "POST /upload 201, GET /after 200");
}

static void a_chunked_upload_whose_bytes_were_not_all_seen(void **state)
{
	struct tls tls = {.stage = *state};
	const char *part = repeat("0123456789abcdef", 64);

	tls_in(&tls, 1, "POST /upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
	tls_tell(&tls, false, 2, join((const char *[]){"400\r\n", part, "\r\n0\r\n\r\n"}, 3), 256);
	tls_out(&tls, 9, CREATED);
	tls_in(&tls, 10, GET("/after"));
	tls_out(&tls, 11, OK);
	assert_only(tls.stage, "POST /upload 201, GET /after 200");
}

/* The end of a body and a request in one piece, of which the request was not captured. */
static void a_request_that_was_not_captured_is_counted_as_lost(void **state)
{
	struct tls tls = {.stage = *state};
	const char *part = repeat("0123456789abcdef", 64);
	char head[128];

	snprintf(head, sizeof(head), "POST /upload HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", strlen(part));
	tls_in(&tls, 1, head);
	tls_tell(&tls, false, 2, join((const char *[]){part, GET("/hidden")}, 2), 256);
	tls_out(&tls, 3, CREATED);
	tls_out(&tls, 4, OK);
	tls_close(&tls, 5, 0);
	assert_log(tls.stage, "POST /upload 201");
	assert_losses(tls.stage, (struct connection_losses){.unmatched = 1});
}

static void a_long_answer_is_over_with_its_last_byte(void **state)
{
	struct tls tls = {.stage = *state};
	const char *part = repeat("0123456789abcdef", 128);
	char head[128];

	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", 2 * strlen(part));
	tls_in(&tls, 1, GET("/download"));
	tls_out(&tls, 2, head);
	tls_out(&tls, 3, part);
	assert_only(tls.stage, "");
	tls_out(&tls, 7, part);
	assert_only(tls.stage, "GET /download 200");
	assert_times(tls.stage, 0, 1, 6);
	assert_bytes(tls.stage, 0, strlen(GET("/download")), strlen(head) + 2 * strlen(part));
}

static void a_connection_that_was_there_first(void **state)
{
	struct tls tls = {.stage = *state, .position = {700, 9000}, .flags = EVENT_MIDSTREAM};

	tls_in(&tls, 1, GET("/first"));
	tls_out(&tls, 2, OK);
	tls_in(&tls, 3, GET("/second"));
	tls_out(&tls, 4, NOT_FOUND);
	assert_only(tls.stage, "GET /first 200, GET /second 404");
}

static void a_client_that_leaves_aborts(void **state)
{
	struct tls tls = {.stage = *state};

	tls_in(&tls, 1, GET("/long"));
	tls_close(&tls, 5, EVENT_CLIENT_LEFT);
	assert_only(tls.stage, "GET /long aborted");
	assert_times(tls.stage, 0, 0, 4);
}

static void an_answer_cut_by_the_close_keeps_its_plaintext_length(void **state)
{
	struct tls tls = {.stage = *state};
	static const char answer[] = "HTTP/1.0 200 OK\r\n\r\nuntil the end";

	tls_in(&tls, 1, GET("/old"));
	tls_out(&tls, 2, answer);
	tls_close(&tls, 5, 0);
	assert_only(tls.stage, "GET /old 200");
	assert_bytes(tls.stage, 0, strlen(GET("/old")), strlen(answer));
	assert_times(tls.stage, 0, 1, 1);
}

static void a_lost_answer_is_counted_and_no_other_takes_its_place(void **state)
{
	struct tls tls = {.stage = *state};

	tls_in(&tls, 1, GET("/a"));
	tls_out(&tls, 2, OK);
	tls_in(&tls, 3, GET("/b"));
	tls.position[1] += strlen(OK); /* the ring was full */
	tls_in(&tls, 5, GET("/c"));
	tls_out(&tls, 6, NOT_FOUND);
	/* It may be the answer to either: neither is reported. Then all is clear again. */
	tls_in(&tls, 7, GET("/d"));
	tls_out(&tls, 8, OK);
	tls_close(&tls, 9, 0);
	assert_log(tls.stage, "GET /a 200, GET /d 200");
	assert_losses(tls.stage, (struct connection_losses){.unmatched = 2});
}

static void a_lost_request_is_counted_with_its_answer(void **state)
{
	struct tls tls = {.stage = *state};

	tls_in(&tls, 1, GET("/a"));
	tls_out(&tls, 2, OK);
	tls.position[0] += strlen(GET("/lost")); /* the ring was full */
	tls_out(&tls, 4, OK);
	tls_in(&tls, 5, GET("/c"));
	tls_out(&tls, 6, NOT_FOUND);
	tls_close(&tls, 7, 0);
	assert_log(tls.stage, "GET /a 200, GET /c 404");
	assert_losses(tls.stage, (struct connection_losses){.unmatched = 1});
}

static unsigned unfinished;

static void count_unfinished(void *context, const struct exchange *exchange)
{
	(void)context;
	(void)exchange;
	unfinished++;
}

/* The kernel counts what waits in plaintext only. */
static void a_waiting_request_is_in_flight(void **state)
{
	struct tls tls = {.stage = *state};

	unfinished = 0;
	tls_in(&tls, 1, GET("/long"));
	connections_unfinished(tls.stage->connections, count_unfinished, NULL);
	assert_int_equal(unfinished, 1);
	tls_out(&tls, 2, OK);
	connections_unfinished(tls.stage->connections, count_unfinished, NULL);
	assert_int_equal(unfinished, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(a_kept_connection_serves_one_request_after_the_other),
		STAGE_TEST(phases_come_with_the_answer),
		STAGE_TEST(a_request_one_byte_at_a_time),
		STAGE_TEST(a_long_upload_is_followed_by_its_length),
		STAGE_TEST(a_chunked_upload_whose_bytes_were_not_all_seen),
		STAGE_TEST(a_request_that_was_not_captured_is_counted_as_lost),
		STAGE_TEST(a_long_answer_is_over_with_its_last_byte),
		STAGE_TEST(a_connection_that_was_there_first),
		STAGE_TEST(a_client_that_leaves_aborts),
		STAGE_TEST(an_answer_cut_by_the_close_keeps_its_plaintext_length),
		STAGE_TEST(a_lost_answer_is_counted_and_no_other_takes_its_place),
		STAGE_TEST(a_lost_request_is_counted_with_its_answer),
		STAGE_TEST(a_waiting_request_is_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
