// SPDX-License-Identifier: Apache-2.0
// Bad clients in crowds: whoever has been silent for longest makes room, and a scrape always gets through.
#include "server_client.h"

#include <sys/resource.h>

enum { CROWD = 300 }; ///< clients at a time

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(a_crowd_does_not_keep_a_scrape_out),
		SITE_TEST(the_longest_silent_client_goes_first),
		SITE_TEST(clients_that_do_not_read_hold_little),
	};
	struct rlimit files;

	// A crowd has two descriptors for each of its members here.
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &files);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
