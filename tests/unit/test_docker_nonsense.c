// SPDX-License-Identifier: Apache-2.0
// A daemon that answers what no daemon should: garbage, other protocols, refusals, redirects.
#include "docker_world.h"
#include "log.h"

static void garbage_in_the_stream_is_passed_over(void **state)
{
	struct world *world = *state;

	observe(world);
	settle(world);
	say_chunk(world->daemon.stream, "\x01\xff garbage \"\n{}\n[]\nnull\n{\"Type\":\"container\"}\n");
	say_event(&world->daemon, "die", 1);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 -1 ");
	assert_null(docker_trouble(world->docker));
}

static const char *list_of_nonsense(void)
{
	return "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>";
}

static void a_list_that_is_none_is_trouble(void **state)
{
	struct world *world = *state;

	world->daemon.list = list_of_nonsense;
	observe(world);
	settle(world);
	assert_true(has_trouble(world, "the list of containers is not one"));
	assert_true(docker_listed(world->docker));
}

static void what_is_no_http_is_trouble(void **state)
{
	struct world *world = *state;

	world->daemon.stream_head = "SSH-2.0-OpenSSH_9.2\r\n";
	observe(world);
	settle(world);
	assert_true(has_trouble(world, "HTTP/0.9"));
	assert_true(docker_listed(world->docker));
}

static void a_refusal_is_quoted(void **state)
{
	struct world *world = *state;

	world->daemon.stream_head =
		"HTTP/1.1 403 Forbidden\r\nContent-Length: 22\r\n\r\n{\"message\":\"not here\"}\n";
	observe(world);
	settle(world);
	assert_true(has_trouble(world, "answered HTTP 403: not here"));
	assert_true(docker_listed(world->docker));
}

static void a_redirect_is_not_followed(void **state)
{
	struct world *world = *state;

	world->daemon.stream_head =
		"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
	observe(world);
	settle(world);
	assert_true(has_trouble(world, "answered HTTP 301"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(garbage_in_the_stream_is_passed_over), WORLD_TEST(a_list_that_is_none_is_trouble),
		WORLD_TEST(what_is_no_http_is_trouble),           WORLD_TEST(a_refusal_is_quoted),
		WORLD_TEST(a_redirect_is_not_followed),
	};

	log_configure(LOG_ERROR, LOG_LOGFMT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
