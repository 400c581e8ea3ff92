// SPDX-License-Identifier: Apache-2.0
// What docker.c takes from a daemon at the most: inspections at a time, containers, bytes.
#include "docker_world.h"
#include "log.h"

static void at_most_eight_inspections_are_under_way(void **state)
{
	struct world *world = *state;

	world->daemon.list = list_of_hundred;
	world->daemon.inspection = NULL;
	observe(world);
	settle(world);
	assert_int_equal(world->daemon.inspections_open, 8);
	assert_false(docker_listed(world->docker));
	world->daemon.inspection = plain_inspection;
	for (unsigned container = 1; container <= 8; container++)
		say(waiting_inspection(&world->daemon, container), plain_inspection(container));
	settle(world);
	assert_int_equal(world->appeared, 100);
	assert_in_range(world->daemon.inspections_most, 8, 9); // the client may be ahead of our close
	assert_true(docker_listed(world->docker));
}

static const char *list_of_too_many(void)
{
	return list_of(1, 10050);
}

static void ten_thousand_containers_are_followed_and_no_more(void **state)
{
	struct world *world = *state;

	world->daemon.list = list_of_too_many;
	observe(world);
	WAIT_FOR(docker_listed(world->docker), world, 60);
	assert_int_equal(world->appeared, 10000);
	world->told[0] = '\0';
	say_event(&world->daemon, "start", 10060);
	settle(world);
	assert_told(world, "");
	say_event(&world->daemon, "die", 1);
	say_event(&world->daemon, "start", 10060);
	settle(world);
	assert_told(world, "-1 +274c:c10060 ");
}

static void say_much(struct connection *connection, const char *head, size_t size)
{
	char *text = malloc(size + 1);

	assert_non_null(text);
	memset(text, 'x', size);
	text[size] = '\0';
	say(connection, head);
	say(connection, text);
	free(text);
}

static void an_event_beyond_1_mib_ends_the_connection_and_a_new_one_is_made(void **state)
{
	struct world *world = *state;

	observe(world);
	settle(world);
	say_much(world->daemon.stream, "110000\r\n", 0x110000);
	WAIT_FOR(has_trouble(world, "larger than 1048576 bytes"), world, 5);
	WAIT_FOR(!docker_trouble(world->docker), world, 5);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 ");
}

static void a_list_beyond_32_mib_is_refused(void **state)
{
	struct world *world = *state;

	world->daemon.list = NULL;
	observe(world);
	settle(world);
	say_much(waiting(&world->daemon, "/containers/json"), "HTTP/1.1 200 OK\r\n\r\n", 33 << 20);
	WAIT_FOR(has_trouble(world, "larger than 33554432 bytes"), world, 5);
	assert_true(docker_listed(world->docker));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(at_most_eight_inspections_are_under_way),
		WORLD_TEST(ten_thousand_containers_are_followed_and_no_more),
		WORLD_TEST(an_event_beyond_1_mib_ends_the_connection_and_a_new_one_is_made),
		WORLD_TEST(a_list_beyond_32_mib_is_refused),
	};

	log_configure(LOG_ERROR, LOG_LOGFMT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
