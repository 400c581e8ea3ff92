// SPDX-License-Identifier: Apache-2.0
// How docker.c follows a daemon that is well: the list, the events, containers that come and go meanwhile.
#include "docker_world.h"
#include "log.h"

static void the_list_comes_after_the_stream_and_then_one_inspection_each(void **state)
{
	struct world *world = *state;

	observe(world);
	assert_false(docker_listed(world->docker));
	assert_non_null(docker_trouble(world->docker));
	settle(world);
	assert_string_equal(world->daemon.asked, "ELII");
	assert_told(world, "+1:c1 +2:c2 ");
	assert_true(docker_listed(world->docker));
	assert_null(docker_trouble(world->docker));
}

static void events_are_followed(void **state)
{
	struct world *world = *state;

	observe(world);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 ");
	say_event(&world->daemon, "start", 3);
	settle(world);
	assert_told(world, "+3:c3 ");
	say_event(&world->daemon, "die", 2);
	say_event(&world->daemon, "destroy", 2);
	settle(world);
	assert_told(world, "-2 ");
	say_event(&world->daemon, "exec_create: sh", 1);
	say_event(&world->daemon, "die", 9);
	settle(world);
	assert_told(world, "");
	assert_string_equal(world->daemon.asked, "ELIII");
}

static void only_changed_facts_are_told_again(void **state)
{
	struct world *world = *state;

	observe(world);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 ");
	say_event(&world->daemon, "update", 1);
	settle(world);
	assert_told(world, "");
	world->daemon.inspection = renamed_inspection;
	say_event(&world->daemon, "rename", 1);
	settle(world);
	assert_told(world, "+1:renamed ");
}

static void events_in_one_packet_and_in_pieces_are_both_read(void **state)
{
	struct world *world = *state;
	char event[256];

	world->daemon.list = list_of_none;
	observe(world);
	settle(world);
	say_event(&world->daemon, "start", 1);
	say_event(&world->daemon, "start", 2);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 ");
	snprintf(event, sizeof(event),
		 "\n{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"%s\"}}\n", id_of(1));
	for (size_t i = 0; event[i]; i++) {
		say_chunk(world->daemon.stream, (char[]){event[i], '\0'});
		turn(world, 0);
	}
	settle(world);
	assert_told(world, "-1 ");
}

static void a_container_that_starts_while_the_list_is_made_is_kept(void **state)
{
	struct world *world = *state;

	world->daemon.list = NULL;
	observe(world);
	settle(world);
	assert_string_equal(world->daemon.asked, "EL");
	say_event(&world->daemon, "start", 3);
	settle(world);
	assert_told(world, "+3:c3 ");
	say(waiting(&world->daemon, "/containers/json"), list_of_one());
	settle(world);
	assert_told(world, "+1:c1 ");
}

static void a_container_that_dies_during_its_inspection_is_never_told(void **state)
{
	struct world *world = *state;

	world->daemon.inspection = NULL;
	world->daemon.list = list_of_one;
	observe(world);
	settle(world);
	assert_non_null(waiting_inspection(&world->daemon, 1));
	say_event(&world->daemon, "die", 1);
	settle(world);
	assert_null(waiting_inspection(&world->daemon, 1)); // given up
	assert_told(world, "");
	assert_true(docker_listed(world->docker));
}

static const char *stopped(unsigned container)
{
	static char text[256];
	char body[160];

	snprintf(body, sizeof(body), "{\"Id\":\"%s\",\"State\":{\"Running\":false,\"Pid\":0}}",
		 id_of(container));
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
	return text;
}

static void an_answer_that_an_event_has_overtaken_is_not_believed(void **state)
{
	struct world *world = *state;

	world->daemon.inspection = NULL;
	world->daemon.list = list_of_none;
	observe(world);
	settle(world);
	say_event(&world->daemon, "rename", 1); // of a container that does not run yet
	settle(world);
	say_event(&world->daemon, "start", 1);
	settle(world);
	world->daemon.inspection = plain_inspection;
	say(waiting_inspection(&world->daemon, 1), stopped(1));
	settle(world);
	assert_told(world, "+1:c1 ");
}

static const char *vanished(unsigned container)
{
	(void)container;
	return "HTTP/1.1 404 Not Found\r\nContent-Length: 32\r\n\r\n{\"message\":\"No such container\"}\n\n";
}

static const char *broken(unsigned container)
{
	return container == 1 ? "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
			      : plain_inspection(container);
}

static void a_container_that_cannot_be_inspected_hides_no_other(void **state)
{
	struct world *world = *state;

	world->daemon.inspection = broken;
	observe(world);
	settle(world);
	assert_told(world, "+2:c2 ");
	assert_true(docker_listed(world->docker));
	assert_null(docker_trouble(world->docker));
	world->daemon.inspection = vanished;
	say_event(&world->daemon, "update", 2);
	settle(world);
	assert_told(world, "-2 ");
	world->daemon.inspection = stopped;
	say_event(&world->daemon, "rename", 3);
	settle(world);
	assert_told(world, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(the_list_comes_after_the_stream_and_then_one_inspection_each),
		WORLD_TEST(events_are_followed),
		WORLD_TEST(only_changed_facts_are_told_again),
		WORLD_TEST(events_in_one_packet_and_in_pieces_are_both_read),
		WORLD_TEST(a_container_that_starts_while_the_list_is_made_is_kept),
		WORLD_TEST(a_container_that_dies_during_its_inspection_is_never_told),
		WORLD_TEST(an_answer_that_an_event_has_overtaken_is_not_believed),
		WORLD_TEST(a_container_that_cannot_be_inspected_hides_no_other),
	};

	log_configure(LOG_ERROR, LOG_LOGFMT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
