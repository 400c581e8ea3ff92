// SPDX-License-Identifier: Apache-2.0
// Requests that well-behaved clients send and the answers they get, and what the server does with time: when
// it sleeps, when it gives up a connection, how it ends.
#include "server_client.h"

static void an_answer_has_its_headers(void **state)
{
	struct answer answer = ask(*state, "GET", "/", "");

	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "plain\n");
	assert_true(has_line(&answer, "Content-Type: text/plain; charset=utf-8"));
	assert_true(has_line(&answer, "Content-Length: 6"));
	assert_true(has_line(&answer, "X-Content-Type-Options: nosniff"));
	assert_true(has_line(&answer, "Vary: Accept-Encoding"));
	assert_null(strstr(answer.raw.data, "Content-Security-Policy"));
	assert_null(strstr(answer.raw.data, "Content-Encoding"));
	answer_free(&answer);
}

static void a_page_has_a_strict_policy(void **state)
{
	struct answer answer = ask(*state, "GET", "/page", "");

	assert_int_equal(answer.status, 200);
	assert_true(has_line(&answer, "Content-Type: text/html; charset=utf-8"));
	assert_non_null(strstr(answer.raw.data,
			       "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline';"));
	assert_null(strstr(answer.raw.data, "script-src"));
	answer_free(&answer);
}

static void a_handler_sees_the_request(void **state)
{
	struct site *site = *state;
	struct answer answer = ask(site, "GET", "/?service=a%20b%26c&x=1", "Accept: text/plain\r\n");

	assert_string_equal(site->seen, "/|text/plain|a b&c|h");
	answer_free(&answer);
	answer = ask_bytes(site, "GET / HTTP/1.0\r\n\r\n", 18);
	assert_int_equal(answer.status, 200);
	assert_string_equal(site->seen, "/|(none)|(none)|(none)");
	answer_free(&answer);
}

static void the_status_is_the_handlers(void **state)
{
	assert_answer(*state, "GET", "/unready", 503, "starting\n");
	assert_answer(*state, "GET", "/nothing", 200, "");
	assert_answer(*state, "GET", "/failure", 500, "500 out of memory\n");
}

static void head_is_get_without_the_body(void **state)
{
	struct answer answer = ask(*state, "HEAD", "/", "");

	assert_int_equal(answer.status, 200);
	assert_true(has_line(&answer, "Content-Length: 6"));
	assert_int_equal(answer.body_len, 0);
	answer_free(&answer);
}

static void paths_are_exact_or_prefixes(void **state)
{
	struct site *site = *state;

	assert_answer(site, "GET", "/x/", 200, "plain\n");
	assert_answer(site, "GET", "/x/a/b%2Fc?d", 200, "plain\n");
	assert_string_equal(site->seen, "/x/a/b/c|(none)|(none)|h");
	assert_answer(site, "GET", "/x", 404, "404 page not found\n");
	assert_answer(site, "GET", "/xy", 404, "404 page not found\n");
	assert_answer(site, "GET", "/metrics/", 404, "404 page not found\n");
	assert_answer(site, "GET", "//", 404, "404 page not found\n");
	assert_answer(site, "POST", "/nowhere", 404, "404 page not found\n");
}

static void assert_not_allowed(struct site *site, const char *method, const char *path, const char *allow)
{
	struct answer answer = ask(site, method, path, "");

	assert_int_equal(answer.status, 405);
	assert_true(has_line(&answer, allow));
	answer_free(&answer);
}

static void other_methods_are_not_allowed(void **state)
{
	struct site *site = *state;

	assert_not_allowed(site, "POST", "/metrics", "Allow: GET, HEAD");
	assert_not_allowed(site, "OPTIONS", "/x/y", "Allow: GET, HEAD");
	assert_not_allowed(site, "GET", "/-/reload", "Allow: POST");
	assert_not_allowed(site, "HEAD", "/-/reload", "Allow: POST");
	assert_not_allowed(site, "DELETE", "/both", "Allow: GET, HEAD, POST");
	assert_not_allowed(site, "get", "/metrics", "Allow: GET, HEAD");
	assert_int_equal(site->calls, 0);
}

static void requests_follow_each_other_on_a_connection(void **state)
{
	struct site *site = *state;
	int fd = dial(site->port);
	struct answer answer;

	push_text(site, fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	turns(site, 10);
	assert_int_equal(site->calls, 1);
	// Two at once, the second cut in the middle.
	push_text(site, fd, "GET /x/2 HTTP/1.1\r\nHost: h\r\n\r\nPOST /both HT");
	turns(site, 10);
	assert_int_equal(site->calls, 2);
	push_text(site, fd, "TP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc");
	answer = collect(site, fd);
	assert_int_equal(site->calls, 3);
	assert_string_equal(site->seen, "/both|(none)|(none)|h");
	assert_int_equal(answer.status, 200);
	answer_free(&answer);
	close(fd);
}

static void a_request_may_come_byte_by_byte(void **state)
{
	static const char request[] = "GET /x/slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
	struct site *site = *state;
	int fd = dial(site->port);
	struct answer answer;

	for (size_t i = 0; i < sizeof(request) - 1; i++)
		push(site, fd, request + i, 1);
	answer = collect(site, fd);
	assert_int_equal(answer.status, 200);
	assert_int_equal(site->calls, 1);
	answer_free(&answer);
	close(fd);
}

static void a_client_may_stop_sending_after_its_request(void **state)
{
	struct site *site = *state;
	int fd = dial(site->port);
	struct answer answer;

	send(fd, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n", 35, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	answer = collect(site, fd);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "{service=\"s999\"} 999\n"));
	answer_free(&answer);
	close(fd);
}

static void a_big_answer_arrives_whole(void **state)
{
	struct answer answer = ask(*state, "GET", "/big", "");

	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.body_len, BIG_BODY);
	assert_string_equal(answer.body + BIG_BODY - 16, "0123456789abcde\n");
	answer_free(&answer);
}

static void an_idle_connection_has_a_deadline(void **state)
{
	struct site *site = *state;
	int fd;

	assert_int_equal(server_timeout_ms(site->server), -1);
	fd = dial(site->port);
	turns(site, 10);
	assert_in_range(server_timeout_ms(site->server), 10000, 15000);
	assert_quiet(site);
	close(fd);
	turns(site, 10);
	assert_int_equal(server_timeout_ms(site->server), -1);
}

static void it_can_be_freed_with_clients_on_it(void **state)
{
	struct site *site = *state;
	int idle = dial(site->port), reading = dial(site->port), half = dial(site->port), waiting;

	push_text(site, reading, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
	push_text(site, half, "POST /-/reload HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf");
	turns(site, 10);
	waiting = dial(site->port);
	server_free(site->server);
	site->server = NULL;
	close(idle);
	close(reading);
	close(half);
	close(waiting);
	server_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(an_answer_has_its_headers),
		SITE_TEST(a_page_has_a_strict_policy),
		SITE_TEST(a_handler_sees_the_request),
		SITE_TEST(the_status_is_the_handlers),
		SITE_TEST(head_is_get_without_the_body),
		SITE_TEST(paths_are_exact_or_prefixes),
		SITE_TEST(other_methods_are_not_allowed),
		SITE_TEST(requests_follow_each_other_on_a_connection),
		SITE_TEST(a_request_may_come_byte_by_byte),
		SITE_TEST(a_client_may_stop_sending_after_its_request),
		SITE_TEST(a_big_answer_arrives_whole),
		SITE_TEST(an_idle_connection_has_a_deadline),
		SITE_TEST(it_can_be_freed_with_clients_on_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
