// SPDX-License-Identifier: Apache-2.0
// One bad client at a time: nonsense, random bytes, headers without end, and leaving in the middle. The
// scrape beside it must work.
#include "server_client.h"

static void nonsense_is_answered_or_dropped(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
#define CASE(text) {text, sizeof(text) - 1}
		CASE("\r\n\r\n\r\n\r\n"),
		CASE("GET\r\n\r\n"),
		CASE("GET /\r\n\r\n"),
		CASE("GET / HTTP/9.9\r\nHost: h\r\n\r\n"),
		CASE("GET / HTTP/1.1\r\n\r\n"),
		CASE("GET / HTTP/1.1\r\nHost\r\nConnection: close\r\n\r\n"),
		CASE("GET / HTTP/1.1\r\n: x\r\nHost: h\r\nConnection: close\r\n\r\n"),
		CASE("GET /%00%ff%zz%2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
		CASE("GET /?%00=%00&service&service=&=&&& HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
		CASE("GET http://h/metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
		CASE("OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
		CASE("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
		CASE("POST /-/reload HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"),
		CASE("POST /-/reload HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
		CASE("POST /-/reload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
		CASE("POST /-/reload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
		     "chunked\r\n\r\nffffffffffffffffff\r\n"),
		CASE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello"),
		CASE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
		CASE("\x00\x00\x00\x00\x00\x00\x00\x00\x0a\x0a\x0a\x0a"),
		CASE("*1\r\n$4\r\nPING\r\n"),
#undef CASE
	};
	struct site *site = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int fd = dial(site->port);
		struct answer answer;

		push(site, fd, cases[i].bytes, cases[i].len);
		turns(site, 5);
		shutdown(fd, SHUT_WR);
		answer = collect(site, fd);
		answer_free(&answer);
		close(fd);
		assert_scrape_works(site);
	}
	assert_quiet(site);
}

static void random_bytes_are_survived(void **state)
{
	struct site *site = *state;
	uint32_t random = 2463534242;

	for (unsigned i = 0; i < 300; i++) {
		char bytes[2048];
		int fd = dial(site->port);

		for (size_t j = 0; j < sizeof(bytes); j++) {
			random ^= random << 13;
			random ^= random >> 17;
			random ^= random << 5;
			bytes[j] = i % 2 ? (char)random : "GET /HTP1.\r\n:% ?&"[random % 17];
		}
		send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
		turns(site, 3);
		close(fd);
		turns(site, 3);
	}
	assert_scrape_works(site);
	assert_quiet(site);
}

static void huge_headers_are_refused(void **state)
{
	struct site *site = *state;
	struct buffer request = {0};
	struct answer answer;

	buffer_text(&request, "GET / HTTP/1.1\r\nHost: h\r\nCookie: ");
	for (unsigned i = 0; i < 10; i++)
		buffer_format(&request, "biscuit%u=%0500u; ", i, i);
	buffer_text(&request, "\r\nConnection: close\r\n\r\n");
	answer = ask_bytes(site, request.data, request.len); // what a browser may send to localhost
	assert_int_equal(answer.status, 200);
	answer_free(&answer);
	buffer_clear(&request);
	while (request.len < 200000)
		buffer_text(&request, "aaaaaaaaaaaaaaaa");
	for (unsigned i = 0; i < 2; i++) { // one long header, then a long path
		int fd = dial(site->port);

		push_text(site, fd, i ? "GET /" : "GET / HTTP/1.1\r\nHost: h\r\nX: ");
		push(site, fd, request.data, request.len);
		answer = collect(site, fd);
		if (answer.status != 0) // it may be lost in the reset
			assert_in_range(answer.status, 413, 431);
		answer_free(&answer);
		close(fd);
	}
	assert_int_equal(site->calls, 1);
	buffer_free(&request);
	assert_scrape_works(site);
}

static void a_client_may_leave_at_any_time(void **state)
{
	static const char request[] = "GET /big HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\n";
	const struct linger reset = {.l_onoff = 1};
	struct site *site = *state;

	for (size_t len = 0; len < 2 * sizeof(request); len++) {
		int fd = dial(site->port);

		if (len % 2)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		send(fd, request, len / 2, MSG_NOSIGNAL);
		turns(site, (unsigned)len % 3);
		close(fd);
		turns(site, (unsigned)len % 5);
	}
	turns(site, 20);
	assert_scrape_works(site);
	assert_quiet(site);
	// Who left in the middle of a request, unseen, is gone when that would have timed out.
	assert_in_range(server_timeout_ms(site->server), 1, 15000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(nonsense_is_answered_or_dropped),
		SITE_TEST(random_bytes_are_survived),
		SITE_TEST(huge_headers_are_refused),
		SITE_TEST(a_client_may_leave_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
