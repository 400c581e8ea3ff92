// SPDX-License-Identifier: Apache-2.0
// A real server on a port of its own, what it serves, and the loop that the tests turn for it: server and
// clients are both in this thread. A test begins with site_setup.
#ifndef RINGSIDE_TESTS_SERVER_SITE_H
#define RINGSIDE_TESTS_SERVER_SITE_H

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "listen.h"
#include "server.h"

enum { BIG_BODY = 3 << 20 };

struct site {
	struct server *server;
	unsigned port;
	char address[32];
	unsigned calls; ///< of handlers
	char seen[512]; ///< what the last handler saw
};

static inline const char *or_none(const char *text)
{
	return text ? text : "(none)";
}

static inline void get_plain(void *context, const struct server_request *request,
			     struct server_response *response)
{
	struct site *site = context;

	site->calls++;
	snprintf(site->seen, sizeof(site->seen), "%s|%s|%s|%s", request->path, or_none(request->accept),
		 or_none(request->service), or_none(request->host));
	buffer_text(&response->body, "plain\n");
}

static inline void get_page(void *context, const struct server_request *request,
			    struct server_response *response)
{
	(void)context, (void)request;
	response->content_type = "text/html; charset=utf-8";
	buffer_text(&response->body, "<!doctype html><title>page</title>");
}

static inline void get_metrics(void *context, const struct server_request *request,
			       struct server_response *response)
{
	(void)context, (void)request;
	for (unsigned i = 0; i < 1000; i++)
		buffer_format(&response->body, "http_requests_total{service=\"s%u\"} %u\n", i, i);
}

static inline void get_big(void *context, const struct server_request *request,
			   struct server_response *response)
{
	char block[4096];

	(void)context, (void)request;
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = "0123456789abcde\n"[i % 16];
	while (response->body.len < BIG_BODY)
		buffer_bytes(&response->body, block, sizeof(block));
}

static inline void get_nothing(void *context, const struct server_request *request,
			       struct server_response *response)
{
	(void)context, (void)request, (void)response;
}

static inline void get_failure(void *context, const struct server_request *request,
			       struct server_response *response)
{
	(void)context, (void)request;
	buffer_text(&response->body, "half of it");
	response->body.failed = true;
}

static inline void get_unready(void *context, const struct server_request *request,
			       struct server_response *response)
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

static inline uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/// One turn of run.c's loop, at most `wait_ms` long.
static inline void turn(struct site *site, int wait_ms)
{
	struct pollfd ready = {.fd = server_fd(site->server), .events = POLLIN};
	int timeout = server_timeout_ms(site->server);

	if (timeout < 0 || timeout > wait_ms)
		timeout = wait_ms;
	if (poll(&ready, 1, timeout) > 0 || timeout < wait_ms)
		server_run(site->server);
}

static inline void turns(struct site *site, unsigned count)
{
	while (count-- > 0)
		turn(site, 0);
}

/// With nothing to do the loop sleeps: neither the descriptor nor the timeout keeps it awake.
static inline void assert_quiet(struct site *site)
{
	uint64_t end = now_ms() + 100;
	unsigned count = 0;

	turns(site, 200);
	for (; now_ms() < end; count++)
		turn(site, 20);
	assert_in_range(count, 1, 20);
}

static inline unsigned free_port(void)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int fd;

	assert_int_equal(listen_open("127.0.0.1:0", &fd), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static inline int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 4096; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static inline int site_setup(void **state)
{
	static struct site site;
	const char *address = site.address;

	site = (struct site){.port = free_port()};
	snprintf(site.address, sizeof(site.address), "127.0.0.1:%u", site.port);
	*state = &site;
	return server_new(&address, 1, endpoints, &site, &site.server);
}

static inline int site_teardown(void **state)
{
	struct site *site = *state;

	server_free(site->server);
	return 0;
}

#define SITE_TEST(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

#endif
