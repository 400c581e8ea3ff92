// SPDX-License-Identifier: Apache-2.0
// What the HTTP/1 decoder makes of heads: whole, cut at every byte, odd, and hostile.
#include "protocols/http1.h"
#include "guarded.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct slice text(const char *string)
{
	return (struct slice){string, strlen(string)};
}

static void assert_slice(struct slice slice, const char *expected)
{
	if (slice.len != strlen(expected) || (slice.len > 0 && memcmp(slice.data, expected, slice.len) != 0))
		fail_msg("\"%.*s\" is not \"%s\"", (int)slice.len, slice.data, expected);
}

static enum decode request_of(const char *head, struct http1_request *ret_request)
{
	return http1_request_decode(guarded(head, strlen(head)), strlen(head), ret_request);
}

static enum decode response_of(const char *head, const char *method, struct http1_response *ret_response)
{
	return http1_response_decode(guarded(head, strlen(head)), strlen(head), text(method), ret_response);
}

static const char *const request_heads[] = {
	"GET / HTTP/1.1\r\n\r\n",
	"GET /hello HTTP/1.1\r\nHost: localhost:8080\r\n\r\n",
	"GET / HTTP/1.0\n\n",
	"\r\n\nGET /after-empty-lines HTTP/1.1\r\n\r\n",
	"POST /payments?dry=1 HTTP/1.1\r\nHost: billing\r\nContent-Type: application/json\r\nContent-Length: "
	"27\r\n\r\n",
	"PUT /upload HTTP/1.1\r\nTransfer-Encoding: gzip,\r\n\t chunked\r\nExpect: 100-continue\r\n\r\n",
	"GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: "
	"x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n",
	"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
	"G!#$%&'*+-.^_`|~z /any%20token HTTP/1.1\r\n\r\n",
	"GET /with spaces in it HTTP/1.1\r\n\r\n",
	"GET /odd HTTP/1.1\r\nno colon here\r\n: no name\r\n \r\n\t\x80\xff\r\nContent-Length\r\n\r\n",
};

static const char *const response_heads[] = {
	"HTTP/1.1 200 OK\r\n\r\n",
	"HTTP/1.1 200\r\n\r\n",
	"HTTP/1.0 404 Not Found\n\n",
	"HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\nContent-Type: application/json; charset=utf-8\r\n"
	"Content-Length: 15\r\nETag: W/\"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg\"\r\nDate: Tue, 04 Nov 2025 10:00:00 "
	"GMT\r\n"
	"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Expires\r\n\r\n",
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\n",
	"HTTP/1.1 999 \xff\xfe\r\nContent-Length: \r\n 7\r\n\r\n",
};

static void each_cut_of_a_request_head_asks_for_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(request_heads); i++) {
		struct http1_request whole, cut;
		size_t len = strlen(request_heads[i]);
		assert_int_equal(request_of(request_heads[i], &whole), DECODE_OK);
		assert_int_equal(whole.head_len, len);
		for (size_t cut_len = 0; cut_len < len; cut_len++) {
			const char *data = guarded(request_heads[i], cut_len);
			if (http1_request_decode(data, cut_len, &cut) != DECODE_MORE)
				fail_msg("head %zu, cut to %zu bytes", i, cut_len);
			assert_int_equal(cut.head_len, 0);
			assert_int_equal(cut.framing, FRAMING_UNKNOWN);
			assert_int_equal(cut.content_length, 0);
			assert_true(cut.target.len <= whole.target.len);
		}
	}
}

static void each_cut_of_a_response_head_asks_for_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(response_heads); i++) {
		struct http1_response whole, cut;
		size_t len = strlen(response_heads[i]);
		assert_int_equal(response_of(response_heads[i], "GET", &whole), DECODE_OK);
		assert_int_equal(whole.head_len, len);
		for (size_t cut_len = 0; cut_len < len; cut_len++) {
			const char *data = guarded(response_heads[i], cut_len);
			if (http1_response_decode(data, cut_len, text("GET"), &cut) != DECODE_MORE)
				fail_msg("head %zu, cut to %zu bytes", i, cut_len);
			assert_int_equal(cut.head_len, 0);
			assert_int_equal(cut.framing, FRAMING_UNKNOWN);
			assert_true(cut.status == (cut_len > strlen("HTTP/1.1 200") ? whole.status : 0));
		}
	}
}

static void what_follows_a_head_changes_nothing(void **state)
{
	static const char *const bodies[] = {"x", "\n", "\r\n", " folded?\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"};
	char message[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(request_heads); i++) {
		for (size_t j = 0; j < COUNT(bodies); j++) {
			struct http1_request request;
			snprintf(message, sizeof(message), "%s%s", request_heads[i], bodies[j]);
			assert_int_equal(request_of(message, &request), DECODE_OK);
			assert_int_equal(request.head_len, strlen(request_heads[i]));
		}
	}
}

static void a_request_line_is_taken_apart(void **state)
{
	struct http1_request request;

	(void)state;
	assert_int_equal(request_of("\r\nPATCH /a?b=c#d HTTP/1.1\r\nHost: x\r\n\r\nbody", &request),
			 DECODE_OK);
	assert_slice(request.method, "PATCH");
	assert_slice(request.target, "/a?b=c#d");
	assert_int_equal(request.head_len, strlen("\r\nPATCH /a?b=c#d HTTP/1.1\r\nHost: x\r\n\r\n"));
	assert_int_equal(request.framing, FRAMING_NONE);
	assert_false(request.target_cut);
	assert_false(request.expects_continue);
	assert_int_equal(request.traceparent.len, 0);
}

static void a_target_with_spaces_is_kept_whole(void **state)
{
	struct http1_request request;

	(void)state;
	assert_int_equal(request_of("GET /a b HTTP/1.1 HTTP/1.1\r\n\r\n", &request), DECODE_OK);
	assert_slice(request.target, "/a b HTTP/1.1");
}

static void a_cut_request_tells_what_it_can(void **state)
{
	struct http1_request request;

	(void)state;
	assert_int_equal(request_of("GE", &request), DECODE_MORE);
	assert_int_equal(request.method.len, 0);
	assert_int_equal(request_of("GET ", &request), DECODE_MORE);
	assert_slice(request.method, "GET");
	assert_int_equal(request.target.len, 0);
	assert_true(request.target_cut);
	assert_int_equal(request_of("GET /users/12", &request), DECODE_MORE);
	assert_slice(request.target, "/users/12");
	assert_true(request.target_cut);
	assert_int_equal(request_of("GET /users/12 HT", &request), DECODE_MORE);
	assert_slice(request.target, "/users/12");
	assert_false(request.target_cut);
	assert_int_equal(
		request_of("GET / HTTP/1.1\r\nTraceparent:  00-ab \r\nExpect: 100-Continue\r\nX", &request),
		DECODE_MORE);
	assert_slice(request.traceparent, "00-ab");
	assert_true(request.expects_continue);
	assert_int_equal(request_of("GET / HTTP/1.1\r\nTraceparent: 00-ab", &request), DECODE_MORE);
	assert_int_equal(request.traceparent.len, 0);
}

static void what_is_no_request_is_malformed(void **state)
{
	static const char *const inputs[] = {
		" ",
		"\rG",
		"G\r\n",
		"\x16\x03\x01",
		"HTTP/1.1 200 OK\r\n\r\n",
		"*1\r\n$4\r\nPING\r\n",
		"GET /\r\n",
		"GET \r\n",
		"GET HTTP/1.1\r\n",
		"GET  HTTP/1.1\r\n",
		"GET  / HTTP/1.1\r\n",
		"GET  ",
		"GET / HTTP/2.0\r\n",
		"GET / HTTP/1.x\r\n",
		"GET / HTTP/1.1 \r\n",
		"GET / http/1.1\r\n",
		"GET /HTTP/1.1\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
		"AThirtyThreeByteMethodIsNoMethod! / HTTP/1.1\r\n",
	};
	struct http1_request request = {.head_len = 12345};

	(void)state;
	for (size_t i = 0; i < COUNT(inputs); i++) {
		if (request_of(inputs[i], &request) != DECODE_MALFORMED)
			fail_msg("%s", inputs[i]);
		assert_int_equal(request.head_len, 12345);
	}
	assert_int_equal(http1_request_decode(guarded("G\0", 2), 2, &request), DECODE_MALFORMED);
}

static void every_token_byte_may_stand_in_a_method_and_no_other(void **state)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	(void)state;
	for (int c = 1; c < 256; c++) {
		struct http1_request request;
		char head[] = "G? / HTTP/1.1\r\n\r\n";
		bool token = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z' && c < 128) ||
			     strchr(others, c);
		head[1] = (char)c;
		if (c == ' ')
			continue;
		assert_int_equal(request_of(head, &request), token ? DECODE_OK : DECODE_MALFORMED);
	}
}

struct framed {
	const char *fields;
	enum http1_framing framing;
	uint64_t content_length;
};

static void request_fields_decide_how_the_body_ends(void **state)
{
	static const struct framed cases[] = {
		{"", FRAMING_NONE, 0},
		{"Content-Length: 5\r\n", FRAMING_LENGTH, 5},
		{"cOnTeNt-lEnGtH:5\r\n", FRAMING_LENGTH, 5},
		{"Content-Length: 0\r\n", FRAMING_LENGTH, 0},
		{"Content-Length :\t 5 \t\r\n", FRAMING_LENGTH, 5},
		{"Content-Length:\r\n 5\r\n", FRAMING_LENGTH, 5},
		{"Content-Length:\n\t5\n  \n", FRAMING_LENGTH, 5},
		{"Content-Length: 00000000000000000000000000000005\r\n", FRAMING_LENGTH, 5},
		{"Content-Length: 4611686018427387903\r\n", FRAMING_LENGTH, 4611686018427387903},
		{"Content-Length: 4611686018427387904\r\n", FRAMING_UNKNOWN, 0},
		{"Content-Length: 18446744073709551621\r\n", FRAMING_UNKNOWN, 0},
		{"Content-Length: 99999999999999999999999999999999999999999\r\n", FRAMING_UNKNOWN, 0},
		{"Content-Length: 5\r\nContent-Length: 5\r\n", FRAMING_LENGTH, 5},
		{"Content-Length: 5, 5,5\r\n", FRAMING_LENGTH, 5},
		{"Content-Length: 5\r\nContent-Length: 6\r\n", FRAMING_UNKNOWN, 0},
		{"Content-Length: 5, 6\r\n", FRAMING_UNKNOWN, 0},
		{"Content-Length: 6\r\nContent-Length: 5, 6\r\nContent-Length: 6\r\n", FRAMING_UNKNOWN, 0},
		{"Content-Length:\r\n", FRAMING_UNKNOWN, 0},
		{"Content-Length: ,\r\n", FRAMING_UNKNOWN, 0},
		{"Content-Length: -5\r\n", FRAMING_UNKNOWN, 0},
		{"Content-Length: +5\r\n", FRAMING_UNKNOWN, 0},
		{"Content-Length: 0x5\r\n", FRAMING_UNKNOWN, 0},
		{"Content-Length: 5 5\r\n", FRAMING_UNKNOWN, 0},
		{"Content-Length\r\n", FRAMING_NONE, 0},
		{"Content-Lengths: 5\r\n", FRAMING_NONE, 0},
		{"Content\rLength: 5\r\n", FRAMING_NONE, 0},
		{"X-Content-Length: 5\r\n", FRAMING_NONE, 0},
		{"Folded: into\r\n Content-Length: 5\r\n", FRAMING_NONE, 0},
		{"Transfer-Encoding: chunked\r\n", FRAMING_CHUNKED, 0},
		{"transfer-encoding:CHUNKED\r\n", FRAMING_CHUNKED, 0},
		{"Transfer-Encoding: gzip, chunked\r\n", FRAMING_CHUNKED, 0},
		{"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", FRAMING_CHUNKED, 0},
		{"Transfer-Encoding: chunked, ,\r\n", FRAMING_CHUNKED, 0},
		{"Transfer-Encoding: gzip\r\n", FRAMING_UNKNOWN, 0},
		{"Transfer-Encoding: chunked, gzip\r\n", FRAMING_UNKNOWN, 0},
		{"Transfer-Encoding: xchunked\r\n", FRAMING_UNKNOWN, 0},
		{"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", FRAMING_LENGTH, 5},
		{"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", FRAMING_CHUNKED, 0},
		{"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", FRAMING_CHUNKED, 0},
		{"Content-Length: x\r\nTransfer-Encoding: chunked\r\n", FRAMING_CHUNKED, 0},
	};
	char head[256];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http1_request request;
		snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n", cases[i].fields);
		assert_int_equal(request_of(head, &request), DECODE_OK);
		if (request.framing != cases[i].framing || request.content_length != cases[i].content_length)
			fail_msg("%s: framing %d, length %" PRIu64, head, request.framing,
				 request.content_length);
	}
}

static void status_method_and_fields_decide_how_an_answer_ends(void **state)
{
	static const struct {
		const char *method, *head;
		enum http1_framing framing;
		uint64_t content_length;
	} cases[] = {
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", FRAMING_LENGTH, 5},
		{"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", FRAMING_LENGTH, 5},
		{"GET", "HTTP/1.1 200 OK\r\n\r\n", FRAMING_CLOSE, 0},
		{"GET", "HTTP/1.0 200 OK\r\n\r\n", FRAMING_CLOSE, 0},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\n",
		 FRAMING_CLOSE, 0},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", FRAMING_CHUNKED, 0},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", FRAMING_UNKNOWN, 0},
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", FRAMING_NONE, 0},
		{"head", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", FRAMING_LENGTH, 5},
		{"GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", FRAMING_NONE, 0},
		{"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", FRAMING_NONE, 0},
		{"GET", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", FRAMING_LENGTH, 0},
		{"CONNECT", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", FRAMING_UPGRADE, 0},
		{"CONNECT", "HTTP/1.1 407 Authenticate\r\nContent-Length: 5\r\n\r\n", FRAMING_LENGTH, 5},
		{"GET", "HTTP/1.1 101 Switching Protocols\r\n\r\n", FRAMING_UPGRADE, 0},
		{"HEAD", "HTTP/1.1 101 Switching Protocols\r\n\r\n", FRAMING_UPGRADE, 0},
		{"POST", "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n", FRAMING_NONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http1_response response;
		assert_int_equal(response_of(cases[i].head, cases[i].method, &response), DECODE_OK);
		if (response.framing != cases[i].framing ||
		    response.content_length != cases[i].content_length)
			fail_msg("%s %s", cases[i].method, cases[i].head);
	}
}

static void interim_answers_are_told_from_final_ones(void **state)
{
	static const char both[] =
		"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
	struct http1_response response;

	(void)state;
	assert_int_equal(response_of(both, "GET", &response), DECODE_OK);
	assert_int_equal(response.status, 103);
	assert_true(response.interim);
	assert_int_equal(response_of(both + response.head_len, "GET", &response), DECODE_OK);
	assert_int_equal(response.status, 200);
	assert_false(response.interim);
	assert_int_equal(response_of("HTTP/1.1 101 Switching Protocols\r\n\r\n", "GET", &response),
			 DECODE_OK);
	assert_false(response.interim);
}

static void websockets_and_trailers_are_announced(void **state)
{
	struct http1_response response;

	(void)state;
	assert_int_equal(response_of("HTTP/1.1 101 X\r\nUpgrade: WebSocket\r\n\r\n", "GET", &response),
			 DECODE_OK);
	assert_true(response.websocket);
	assert_int_equal(response_of("HTTP/1.1 101 X\r\nUpgrade: h2c\r\n\r\n", "GET", &response), DECODE_OK);
	assert_false(response.websocket);
	assert_int_equal(response_of("HTTP/1.1 426 X\r\nUpgrade: websocket\r\n\r\n", "GET", &response),
			 DECODE_OK);
	assert_false(response.websocket);
	assert_false(response.trailers);
	assert_int_equal(response_of("HTTP/1.1 200 X\r\nTRAILER: Expires\r\n\r\n", "GET", &response),
			 DECODE_OK);
	assert_true(response.trailers);
}

static void what_is_no_answer_is_malformed(void **state)
{
	static const char *const inputs[] = {
		"h",
		"\r\nHTTP/1.1 200 OK\r\n",
		"HTTP/2",
		"HTTP/1.x",
		"HTTP/1.1  200",
		"HTTP/1.1 0",
		"HTTP/1.1 099 X\r\n",
		"HTTP/1.1 20 OK\r\n",
		"HTTP/1.1 2000 OK\r\n",
		"HTTP/1.1 20x OK\r\n",
		"HTTP/1.1 -20 OK\r\n",
		"HTTP/1.1\r\n",
		"ICY 200 OK\r\n",
		"GET / HTTP/1.1\r\n",
	};
	struct http1_response response = {.head_len = 12345};

	(void)state;
	for (size_t i = 0; i < COUNT(inputs); i++) {
		if (response_of(inputs[i], "GET", &response) != DECODE_MALFORMED)
			fail_msg("%s", inputs[i]);
		assert_int_equal(response.head_len, 12345);
	}
	assert_int_equal(http1_response_decode(guarded("HTTP/1.1 200\0", 13), 13, text("GET"), &response),
			 DECODE_MALFORMED);
}

static void only_registered_methods_have_names(void **state)
{
	(void)state;
	assert_string_equal(http1_method_name(text("GET")), "GET");
	assert_string_equal(http1_method_name(text("QUERY")), "QUERY");
	assert_string_equal(http1_method_name(text("VERSION-CONTROL")), "VERSION-CONTROL");
	assert_string_equal(http1_method_name(text("get")), "_OTHER");
	assert_string_equal(http1_method_name(text("GETS")), "_OTHER");
	assert_string_equal(http1_method_name(text("")), "_OTHER");
	assert_string_equal(http1_method_name(text("*")), "_OTHER");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cut_of_a_request_head_asks_for_more),
		cmocka_unit_test(each_cut_of_a_response_head_asks_for_more),
		cmocka_unit_test(what_follows_a_head_changes_nothing),
		cmocka_unit_test(a_request_line_is_taken_apart),
		cmocka_unit_test(a_target_with_spaces_is_kept_whole),
		cmocka_unit_test(a_cut_request_tells_what_it_can),
		cmocka_unit_test(what_is_no_request_is_malformed),
		cmocka_unit_test(every_token_byte_may_stand_in_a_method_and_no_other),
		cmocka_unit_test(request_fields_decide_how_the_body_ends),
		cmocka_unit_test(status_method_and_fields_decide_how_an_answer_ends),
		cmocka_unit_test(interim_answers_are_told_from_final_ones),
		cmocka_unit_test(websockets_and_trailers_are_announced),
		cmocka_unit_test(what_is_no_answer_is_malformed),
		cmocka_unit_test(only_registered_methods_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
