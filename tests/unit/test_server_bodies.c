// SPDX-License-Identifier: Apache-2.0
// Bodies that clients send with their requests: read and forgotten, refused where they are too long.
#include "server_client.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(bodies_are_read_and_forgotten),
		SITE_TEST(long_bodies_are_refused),
		SITE_TEST(an_endless_body_is_cut_off),
		SITE_TEST(a_body_may_wait_for_100_continue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
