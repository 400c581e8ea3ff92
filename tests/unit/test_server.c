// SPDX-License-Identifier: Apache-2.0
// A real server on loopback and raw sockets against it, both in this thread: every wait drives the server's
// loop, and every wait ends. Clients are well-behaved first, then as bad as they come.
#include "compress.h"
#include "listen.h"
#include "log.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

enum {
	PATIENCE_MS = 5000, ///< for anything that must happen
	CROWD = 300,        ///< bad clients at a time
	BIG_BODY = 3 << 20,
};

struct site {
	struct server *server;
	unsigned port;
	char address[32];
	unsigned calls; ///< of handlers
	char seen[512]; ///< what the last handler saw
};

/// An answer as it came. Owned by the caller.
struct answer {
	struct buffer raw; ///< terminated
	const char *body;  ///< within raw
	size_t body_len;
	int status; ///< 0: none
};

// --- what is served ---

static const char *or_none(const char *text)
{
	return text ? text : "(none)";
}

static void get_plain(void *context, const struct server_request *request, struct server_response *response)
{
	struct site *site = context;

	site->calls++;
	snprintf(site->seen, sizeof(site->seen), "%s|%s|%s|%s", request->path, or_none(request->accept),
		 or_none(request->service), or_none(request->host));
	buffer_text(&response->body, "plain\n");
}

static void get_page(void *context, const struct server_request *request, struct server_response *response)
{
	(void)context, (void)request;
	response->content_type = "text/html; charset=utf-8";
	buffer_text(&response->body, "<!doctype html><title>page</title>");
}

static void get_metrics(void *context, const struct server_request *request, struct server_response *response)
{
	(void)context, (void)request;
	for (unsigned i = 0; i < 1000; i++)
		buffer_format(&response->body, "http_requests_total{service=\"s%u\"} %u\n", i, i);
}

static void get_big(void *context, const struct server_request *request, struct server_response *response)
{
	char block[4096];

	(void)context, (void)request;
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = "0123456789abcde\n"[i % 16];
	while (response->body.len < BIG_BODY)
		buffer_bytes(&response->body, block, sizeof(block));
}

static void get_nothing(void *context, const struct server_request *request, struct server_response *response)
{
	(void)context, (void)request, (void)response;
}

static void get_failure(void *context, const struct server_request *request, struct server_response *response)
{
	(void)context, (void)request;
	buffer_text(&response->body, "half of it");
	response->body.failed = true;
}

static void get_unready(void *context, const struct server_request *request, struct server_response *response)
{
	(void)context, (void)request;
	response->status = 503;
	buffer_text(&response->body, "starting\n");
}

static const struct endpoint endpoints[] = {
	{"GET", "/", get_plain},          {"GET", "/page", get_page},       {"GET", "/metrics", get_metrics},
	{"GET", "/big", get_big},         {"GET", "/nothing", get_nothing}, {"GET", "/failure", get_failure},
	{"GET", "/unready", get_unready}, {"GET", "/x/*", get_plain},       {"POST", "/-/reload", get_plain},
	{"GET", "/both", get_plain},      {"POST", "/both", get_plain},     {NULL, NULL, NULL},
};

// --- the loop, and clients of it ---

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/// One turn of main's loop, at most `wait_ms` long.
static void turn(struct site *site, int wait_ms)
{
	struct pollfd ready = {.fd = server_fd(site->server), .events = POLLIN};
	int timeout = server_timeout_ms(site->server);

	if (timeout < 0 || timeout > wait_ms)
		timeout = wait_ms;
	if (poll(&ready, 1, timeout) > 0 || timeout < wait_ms)
		server_run(site->server);
}

static void turns(struct site *site, unsigned count)
{
	while (count-- > 0)
		turn(site, 0);
}

/// With nothing to do the loop sleeps: neither the descriptor nor the timeout keeps it awake.
static void assert_quiet(struct site *site)
{
	uint64_t end = now_ms() + 100;
	unsigned count = 0;

	turns(site, 200);
	for (; now_ms() < end; count++)
		turn(site, 20);
	assert_in_range(count, 1, 20);
}

static unsigned free_port(void)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int fd;

	assert_int_equal(listen_open("127.0.0.1:0", &fd), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static int dial(unsigned port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/// Sends all of `data` while the server runs; false if the server hung up first.
static bool push(struct site *site, int fd, const char *data, size_t len)
{
	uint64_t end = now_ms() + PATIENCE_MS;

	while (len > 0 && now_ms() < end) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent > 0) {
			data += sent;
			len -= (size_t)sent;
		}
		turn(site, sent > 0 ? 0 : 1);
	}
	assert_int_equal(len, 0);
	return true;
}

static void push_text(struct site *site, int fd, const char *text)
{
	push(site, fd, text, strlen(text));
}

/// Reads until the server closes. The time is bounded.
static struct answer collect(struct site *site, int fd)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	struct answer answer = {0};
	ssize_t len = -1;
	char part[65536];
	char *body;

	while (len != 0 && now_ms() < end) {
		turn(site, 1);
		len = recv(fd, part, sizeof(part), 0);
		if (len > 0)
			buffer_bytes(&answer.raw, part, (size_t)len);
		if (len < 0 && errno != EAGAIN) // reset
			break;
	}
	assert_true(now_ms() < end);
	buffer_bytes(&answer.raw, "", 1);
	sscanf(answer.raw.data, "HTTP/1.%*d %d", &answer.status);
	body = strstr(answer.raw.data, "\r\n\r\n");
	answer.body = body ? body + 4 : "";
	answer.body_len = body ? answer.raw.len - 1 - (size_t)(answer.body - answer.raw.data) : 0;
	return answer;
}

static void answer_free(struct answer *answer)
{
	buffer_free(&answer->raw);
}

static struct answer ask_bytes(struct site *site, const char *request, size_t len)
{
	int fd = dial(site->port);
	struct answer answer;

	push(site, fd, request, len);
	answer = collect(site, fd);
	close(fd);
	turns(site, 3);
	return answer;
}

/// `headers` are whole lines.
static struct answer ask(struct site *site, const char *method, const char *target, const char *headers)
{
	struct answer answer;
	struct buffer request = {0};

	buffer_format(&request, "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n", method, target,
		      headers);
	answer = ask_bytes(site, request.data, request.len);
	buffer_free(&request);
	return answer;
}

static bool has_line(const struct answer *answer, const char *line)
{
	const char *found = strcasestr(answer->raw.data, line);

	return found && found < answer->body && found[-1] == '\n' &&
	       strncmp(found + strlen(line), "\r\n", 2) == 0;
}

static void assert_answer(struct site *site, const char *method, const char *target, int status,
			  const char *body)
{
	struct answer answer = ask(site, method, target, "");

	assert_int_equal(answer.status, status);
	assert_string_equal(answer.body, body);
	answer_free(&answer);
}

/// The scrape that must work whatever else goes on, and soon.
static void assert_scrape_works(struct site *site)
{
	uint64_t start = now_ms();
	struct answer answer = ask(site, "GET", "/metrics", "");

	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "{service=\"s999\"} 999\n"));
	assert_in_range(now_ms() - start, 0, 1000);
	answer_free(&answer);
}

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 4096; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

// --- fixtures ---

static int setup(void **state)
{
	static struct site site;
	const char *address = site.address;

	site = (struct site){.port = free_port()};
	snprintf(site.address, sizeof(site.address), "127.0.0.1:%u", site.port);
	*state = &site;
	return server_new(&address, 1, endpoints, &site, &site.server);
}

static int teardown(void **state)
{
	struct site *site = *state;

	server_free(site->server);
	return 0;
}

// --- requests and answers ---

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

// --- bodies of requests ---

/// A POST whose body is `len` bytes, declared or in chunks of 1000.
static struct answer post(struct site *site, size_t len, bool chunked)
{
	struct buffer request = {0};
	struct answer answer;
	char chunk[1000];

	memset(chunk, 'b', sizeof(chunk));
	buffer_text(&request, "POST /-/reload HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
	if (chunked)
		buffer_text(&request, "Transfer-Encoding: chunked\r\n\r\n");
	else
		buffer_format(&request, "Content-Length: %zu\r\n\r\n", len);
	while (len > 0) {
		size_t part = len < sizeof(chunk) ? len : sizeof(chunk);

		if (chunked)
			buffer_format(&request, "%zx\r\n", part);
		buffer_bytes(&request, chunk, part);
		buffer_text(&request, chunked ? "\r\n" : "");
		len -= part;
	}
	buffer_text(&request, chunked ? "0\r\n\r\n" : "");
	answer = ask_bytes(site, request.data, request.len);
	buffer_free(&request);
	return answer;
}

static void bodies_are_read_and_forgotten(void **state)
{
	static const size_t lens[] = {0, 1, 1000, 65535, 65536};
	struct site *site = *state;

	for (unsigned i = 0; i < 10; i++) {
		struct answer answer = post(site, lens[i / 2], i % 2);

		assert_int_equal(answer.status, 200);
		assert_int_equal(site->calls, i + 1);
		answer_free(&answer);
	}
}

static void long_bodies_are_refused(void **state)
{
	struct site *site = *state;
	struct answer answer;

	for (unsigned i = 0; i < 2; i++) {
		answer = post(site, 65537, i);
		assert_int_equal(answer.status, 413);
		answer_free(&answer);
		answer = post(site, 1 << 20, i);
		assert_int_equal(answer.status, 413);
		answer_free(&answer);
	}
	// Not even waited for.
	answer = ask(site, "POST", "/-/reload", "Content-Length: 18446744073709551615\r\n");
	assert_int_equal(answer.status, 413);
	answer_free(&answer);
	assert_int_equal(site->calls, 0);
}

static void an_endless_body_is_cut_off(void **state)
{
	struct site *site = *state;
	int fd = dial(site->port);
	char chunk[4096 + 8];
	bool open = true;

	memcpy(chunk, "1000\r\n", 6);
	memset(chunk + 6, 'b', 4096);
	memcpy(chunk + 6 + 4096, "\r\n", 2);
	push_text(site, fd, "POST /-/reload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (unsigned i = 0; i < 16384 && open; i++)
		open = push(site, fd, chunk, 6 + 4096 + 2);
	assert_false(open);
	assert_int_equal(site->calls, 0);
	close(fd);
	assert_scrape_works(site);
}

static void a_body_may_wait_for_100_continue(void **state)
{
	struct site *site = *state;
	int fd = dial(site->port);
	struct answer answer;

	push_text(site, fd,
		  "POST /-/reload HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\n"
		  "Content-Length: 3\r\n\r\n");
	turns(site, 10);
	push_text(site, fd, "abc");
	answer = collect(site, fd);
	assert_int_equal(answer.status, 100);
	assert_non_null(strstr(answer.body, "HTTP/1.1 200 OK\r\n"));
	answer_free(&answer);
	close(fd);
}

// --- compression ---

static void offers_of_gzip_are_understood(void **state)
{
	static const struct {
		const char *header;
		bool offered;
	} cases[] = {
		{NULL, false},
		{"", false},
		{"gzip", true},
		{"GZIP", true},
		{"x-gzip", true},
		{"deflate, gzip, br", true},
		{"gzip;q=0", false},
		{"gzip; q=0.000", false},
		{"gzip ; q=0.001", true},
		{"gzip;q=0.5, identity", true},
		{"gzip;q=1.0", true},
		{"*", true},
		{"*;q=0", false},
		{"gzip;q=0, *", false},
		{"*;q=0, gzip", true},
		{"identity", false},
		{"br;q=0, zstd", false},
		{"gzipped", false},
		{"not-gzip", false},
		{",, ,gzip", true},
		{";q=0", false},
		{"gzip;q=", true},
		{"\xff\xfe", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (compress_offered(cases[i].header) != cases[i].offered)
			fail_msg("wrong answer for Accept-Encoding: %s", cases[i].header);
}

static void a_long_answer_is_compressed_for_those_who_take_it(void **state)
{
	struct answer plain = ask(*state, "GET", "/metrics", "");
	struct answer packed = ask(*state, "GET", "/metrics", "Accept-Encoding: gzip\r\n");
	unsigned char text[65536];
	z_stream stream = {.next_in = (unsigned char *)packed.body,
			   .avail_in = (unsigned)packed.body_len,
			   .next_out = text,
			   .avail_out = sizeof(text)};

	assert_true(has_line(&packed, "Content-Encoding: gzip"));
	assert_true(has_line(&packed, "Vary: Accept-Encoding"));
	assert_true(packed.body_len < plain.body_len / 4);
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.total_out, plain.body_len);
	assert_memory_equal(text, plain.body, plain.body_len);
	inflateEnd(&stream);
	answer_free(&plain);
	answer_free(&packed);
}

static void other_answers_are_not_compressed(void **state)
{
	static const char *const requests[][2] = {
		{"/", "Accept-Encoding: gzip\r\n"}, // too short
		{"/metrics", "Accept-Encoding: gzip;q=0\r\n"},
		{"/metrics", "Accept-Encoding: br\r\n"},
		{"/metrics", ""},
	};

	for (unsigned i = 0; i < 4; i++) {
		struct answer answer = ask(*state, "GET", requests[i][0], requests[i][1]);

		assert_int_equal(answer.status, 200);
		assert_null(strstr(answer.raw.data, "Content-Encoding"));
		answer_free(&answer);
	}
}

// --- bad clients ---

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

static void crowd_open(struct site *site, int *fds, const char *greeting)
{
	for (unsigned i = 0; i < CROWD; i++) {
		fds[i] = dial(site->port);
		if (*greeting)
			send(fds[i], greeting, strlen(greeting), MSG_NOSIGNAL);
		if (i % 16 == 15)
			turns(site, 5);
	}
	turns(site, 20);
}

static void crowd_close(struct site *site, const int *fds)
{
	for (unsigned i = 0; i < CROWD; i++)
		close(fds[i]);
	turns(site, 20);
}

static unsigned count_hung_up(const int *fds)
{
	unsigned count = 0;
	char byte;

	for (unsigned i = 0; i < CROWD; i++) {
		ssize_t len = recv(fds[i], &byte, 1, MSG_PEEK);

		count += len == 0 || (len < 0 && errno != EAGAIN);
	}
	return count;
}

static void a_crowd_does_not_keep_a_scrape_out(void **state)
{
	static const char *const greetings[] = {
		"",
		"G",
		"GET /metrics HTTP/1.1\r\nHost: h\r\nX-Slow",
		"POST /-/reload HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nhalf",
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	};
	struct site *site = *state;
	int before = open_fds();
	int fds[CROWD];

	for (unsigned i = 0; i < 5; i++) {
		crowd_open(site, fds, greetings[i]);
		assert_scrape_works(site);
		assert_scrape_works(site);
		assert_quiet(site);
		if (i < 4) // the last crowd has answers to read first
			assert_in_range(count_hung_up(fds), CROWD - 256, CROWD - 256 + 2);
		crowd_close(site, fds);
		assert_int_equal(open_fds(), before);
	}
}

static void the_longest_silent_client_goes_first(void **state)
{
	struct site *site = *state;
	int regular = dial(site->port), crowd[CROWD];
	char byte;

	// 1200 newcomers, and somebody who asks now and then.
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned j = 0; j < CROWD; j++) {
			crowd[j] = dial(site->port);
			if (j % 100)
				continue;
			turns(site, 20);
			push_text(site, regular, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
			turns(site, 20);
		}
		crowd_close(site, crowd);
	}
	assert_int_equal(site->calls, 12);
	while (recv(regular, &byte, 1, 0) > 0)
		;
	assert_int_equal(errno, EAGAIN);
	close(regular);
}

static void clients_that_do_not_read_hold_little(void **state)
{
	struct site *site = *state;
	int fds[CROWD];
	size_t arrived = 0;
	for (unsigned i = 0; i < CROWD; i++) {
		fds[i] = dial(site->port);
		push_text(site, fds[i], "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
		turns(site, 3);
	}
	assert_quiet(site);
	assert_scrape_works(site);
	// 32 MiB are ten big bodies; 900 MiB were asked for.
	assert_true(count_hung_up(fds) < CROWD);
	for (unsigned i = 0; i < CROWD - 11; i++) {
		char part[65536];
		ssize_t len;

		for (arrived = 0; (len = recv(fds[i], part, sizeof(part), 0)) > 0;)
			arrived += (size_t)len;
		assert_true(arrived < BIG_BODY);
		assert_true(len == 0 || errno == ECONNRESET);
	}
	crowd_close(site, fds);
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

// --- time, and the end ---

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

// --- addresses ---

/// What server_new logs for these addresses, which it must refuse. Terminated.
static void refusal(const char *const *addresses, size_t len, int expected, char *text, size_t size)
{
	struct server *const untouched = (struct server *)text, *server = untouched;
	int real = dup(STDERR_FILENO), ends[2];
	ssize_t got;

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	assert_int_equal(server_new(addresses, len, endpoints, NULL, &server), expected);
	dup2(real, STDERR_FILENO);
	got = read(ends[0], text, size - 1);
	text[got > 0 ? got : 0] = '\0';
	close(real);
	close(ends[0]);
	close(ends[1]);
	assert_ptr_equal(server, untouched);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); // one line
}

static void a_taken_address_is_reported(void **state)
{
	struct site *site = *state;
	unsigned port = free_port();
	char free_address[32], expected[128], text[1024];
	const char *addresses[] = {free_address, site->address};
	int before = open_fds(), fd;

	snprintf(free_address, sizeof(free_address), "127.0.0.1:%u", port);
	snprintf(expected, sizeof(expected), "cannot listen on %s: Address already in use", site->address);
	refusal(addresses, 2, -EADDRINUSE, text, sizeof(text));
	assert_non_null(strstr(text, expected));
	assert_int_equal(open_fds(), before);
	assert_int_equal(listen_open(free_address, &fd), 0); // the first one was given back
	close(fd);
}

static void bad_addresses_are_quoted(void **state)
{
	static const struct {
		const char *address, *text;
		int code;
	} cases[] = {
		{"", "no port", -EINVAL},
		{"localhost", "localhost", -EINVAL},
		{"127.0.0.1:", "the port is not a number", -EINVAL},
		{"127.0.0.1:http", "the port is not a number", -EINVAL},
		{"127.0.0.1:65536", "127.0.0.1:65536", -EINVAL},
		{"127.0.0.1:-1", "the port is not a number", -EINVAL},
		{"127.0.0.1:99999999999999999999", "the port is not a number", -EINVAL},
		{"127.0.0.1:80 ", "the port is not a number", -EINVAL},
		{"::1:80", "an IPv6 address needs brackets", -EINVAL},
		{"[::1]", "an IPv6 address needs brackets", -EINVAL},
		{"[::1]80", "an IPv6 address needs brackets", -EINVAL},
		{"[::1:80", "an IPv6 address needs brackets", -EINVAL},
		{"http://h:80", "an IPv6 address needs brackets", -EINVAL},
		{"192.0.2.1:10707", "cannot listen on 192.0.2.1:10707: Cannot assign requested address",
		 -EADDRNOTAVAIL},
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		refusal(&cases[i].address, 1, cases[i].code, text, sizeof(text));
		assert_non_null(strstr(text, cases[i].text));
		assert_non_null(strstr(text, cases[i].address));
	}
}

static bool has_ipv6(void)
{
	const struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static int dial_ipv6(unsigned port)
{
	const struct sockaddr_in6 address = {.sin6_family = AF_INET6,
					     .sin6_port = htons((uint16_t)port),
					     .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void assert_answers_on(struct site *site, int fd)
{
	struct answer answer;

	assert_true(fd >= 0);
	push_text(site, fd, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	answer = collect(site, fd);
	assert_int_equal(answer.status, 200);
	answer_free(&answer);
	close(fd);
}

/// A server of its own on a free port of `host`.
static void serve_on(struct site *site, const char *host)
{
	const char *address;

	*site = (struct site){.port = free_port()};
	address = site->address;
	snprintf(site->address, sizeof(site->address), "%s:%u", host, site->port);
	assert_int_equal(server_new(&address, 1, endpoints, site, &site->server), 0);
}

static void a_name_is_an_address(void **state)
{
	struct site site;

	(void)state;
	serve_on(&site, "localhost");
	assert_answers_on(&site, dial(site.port));
	server_free(site.server);
}

static void a_bare_port_is_every_address(void **state)
{
	struct site site;

	(void)state;
	serve_on(&site, "");
	assert_answers_on(&site, dial(site.port));
	if (has_ipv6())
		assert_answers_on(&site, dial_ipv6(site.port));
	server_free(site.server);
}

static void ipv6_is_an_address(void **state)
{
	struct site site;

	(void)state;
	if (!has_ipv6()) {
		print_message("no IPv6 here: skipped\n");
		skip();
	}
	serve_on(&site, "[::1]");
	assert_answers_on(&site, dial_ipv6(site.port));
	server_free(site.server);
}

static void several_addresses_are_one_descriptor(void **state)
{
	char first[32], second[32];
	const char *addresses[] = {first, second};
	unsigned ports[] = {free_port(), free_port()};
	struct site site = {0};

	(void)state;
	snprintf(first, sizeof(first), "127.0.0.1:%u", ports[0]);
	snprintf(second, sizeof(second), "127.0.0.2:%u", ports[1]);
	assert_int_equal(server_new(addresses, 2, endpoints, &site, &site.server), 0);
	assert_answers_on(&site, dial(ports[0]));
	assert_quiet(&site);
	server_free(site.server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_has_its_headers),
		TEST(a_page_has_a_strict_policy),
		TEST(a_handler_sees_the_request),
		TEST(the_status_is_the_handlers),
		TEST(head_is_get_without_the_body),
		TEST(paths_are_exact_or_prefixes),
		TEST(other_methods_are_not_allowed),
		TEST(requests_follow_each_other_on_a_connection),
		TEST(a_request_may_come_byte_by_byte),
		TEST(a_client_may_stop_sending_after_its_request),
		TEST(a_big_answer_arrives_whole),
		TEST(bodies_are_read_and_forgotten),
		TEST(long_bodies_are_refused),
		TEST(an_endless_body_is_cut_off),
		TEST(a_body_may_wait_for_100_continue),
		cmocka_unit_test(offers_of_gzip_are_understood),
		TEST(a_long_answer_is_compressed_for_those_who_take_it),
		TEST(other_answers_are_not_compressed),
		TEST(nonsense_is_answered_or_dropped),
		TEST(random_bytes_are_survived),
		TEST(huge_headers_are_refused),
		TEST(a_crowd_does_not_keep_a_scrape_out),
		TEST(the_longest_silent_client_goes_first),
		TEST(clients_that_do_not_read_hold_little),
		TEST(a_client_may_leave_at_any_time),
		TEST(an_idle_connection_has_a_deadline),
		TEST(it_can_be_freed_with_clients_on_it),
		TEST(a_taken_address_is_reported),
		cmocka_unit_test(bad_addresses_are_quoted),
		cmocka_unit_test(a_name_is_an_address),
		cmocka_unit_test(a_bare_port_is_every_address),
		cmocka_unit_test(ipv6_is_an_address),
		cmocka_unit_test(several_addresses_are_one_descriptor),
	};

	struct rlimit files;

	// A crowd has two descriptors for each of its members here.
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &files);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
