// SPDX-License-Identifier: Apache-2.0
// A daemon that is absent, hanging or restarting. Takes about ten seconds, most of them waiting for
// time-outs.
#include "docker_world.h"
#include "log.h"

static void an_absent_daemon_is_known_at_once_and_found_later(void **state)
{
	struct world *world = *state;

	daemon_down(&world->daemon);
	observe(world);
	WAIT_FOR(docker_listed(world->docker), world, 1);
	assert_true(has_trouble(world, "no socket at /tmp/ringside-docker-"));
	daemon_up(&world->daemon);
	WAIT_FOR(!docker_trouble(world->docker), world, 2);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 ");
}

static void a_socket_that_nobody_listens_on_is_trouble(void **state)
{
	struct world *world = *state;

	close(world->daemon.listener);
	world->daemon.listener = -1;
	observe(world);
	WAIT_FOR(docker_listed(world->docker), world, 1);
	assert_true(has_trouble(world, "cannot connect to /tmp/ringside-docker-"));
	assert_true(has_trouble(world, ": Connection refused"));
}

static void a_socket_path_that_is_too_long_is_trouble(void **state)
{
	struct world *world = *state;
	const struct docker_observer observer = {on_container, on_gone, NULL, world};
	char path[512];

	snprintf(path, sizeof(path), "/%0*d", 300, 1);
	assert_int_equal(docker_new(path, &observer, &world->docker), 0);
	WAIT_FOR(docker_listed(world->docker), world, 1);
	assert_non_null(docker_trouble(world->docker));
}

/// Daemons that are each stuck at another step, at once to save time, and one that is well.
static void a_daemon_that_hangs_at_any_step_is_given_up_after_5_s(void **state)
{
	enum { STREAM, LIST, INSPECTION, ACCEPT, WELL, WORLDS };
	struct world *worlds[WORLDS];
	double given_up[WORLDS] = {0}, start = now_s();

	(void)state;
	for (int i = 0; i < WORLDS; i++)
		worlds[i] = world_new();
	worlds[STREAM]->daemon.stream_head = NULL;
	worlds[LIST]->daemon.list = NULL;
	worlds[INSPECTION]->daemon.list = list_of_hundred;
	worlds[INSPECTION]->daemon.inspection = NULL;
	int never_accepts = worlds[ACCEPT]->daemon.listener;
	worlds[ACCEPT]->daemon.listener = -1;
	for (int i = 0; i < WORLDS; i++)
		observe(worlds[i]);
	while (now_s() - start < 5.6)
		for (int i = 0; i < WORLDS; i++) {
			turn(worlds[i], 5);
			if (!given_up[i] && has_trouble(worlds[i], "no answer from /tmp/ringside-docker-"))
				given_up[i] = now_s() - start;
		}
	for (int i = 0; i < WELL; i++) {
		assert_true(given_up[i] > 4.9);
		assert_true(docker_listed(worlds[i]->docker));
		assert_true(worlds[i]->runs < 100); // it slept
		assert_told(worlds[i], "");
	}
	assert_string_equal(worlds[STREAM]->daemon.asked, "E");
	assert_string_equal(worlds[LIST]->daemon.asked, "EL");
	assert_string_equal(worlds[INSPECTION]->daemon.asked, "ELIIIIIIII"); // 8, the others were not tried
	assert_string_equal(worlds[WELL]->daemon.asked, "ELII");
	assert_null(docker_trouble(worlds[WELL]->docker));
	close(never_accepts);
	for (int i = 0; i < WORLDS; i++)
		world_free(worlds[i]);
}

static void a_full_backlog_is_trouble_and_no_busy_loop(void **state)
{
	struct world *world = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fds[8], listener = world->daemon.listener;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world->daemon.socket);
	assert_int_equal(listen(listener, 0), 0);
	for (int i = 0; i < 8; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&address, sizeof(address));
	}
	world->daemon.listener = -1;
	observe(world);
	WAIT_FOR(docker_listed(world->docker), world, 6);
	assert_non_null(docker_trouble(world->docker));
	assert_true(world->runs < 100);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	world->daemon.listener = listener;
}

static const char *list_of_three(void)
{
	return list_of(1, 3);
}

static const char *second_is_renamed(unsigned container)
{
	return container == 2 ? renamed_inspection(container) : plain_inspection(container);
}

static void a_restart_reports_what_has_changed_or_is_gone_and_nothing_else(void **state)
{
	struct world *world = *state;

	world->daemon.list = list_of_three;
	observe(world);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 +3:c3 ");
	say(world->daemon.stream, "40\r\n{\"Type\":\"container\",\"Act"); // it ends in mid-line
	settle(world);
	daemon_down(&world->daemon);
	WAIT_FOR(docker_trouble(world->docker), world, 1);
	assert_told(world, "");
	assert_true(docker_listed(world->docker));

	world->daemon.list = list_of_two;
	world->daemon.inspection = second_is_renamed;
	daemon_up(&world->daemon);
	WAIT_FOR(!docker_trouble(world->docker), world, 5);
	settle(world);
	assert_told(world, "-3 +2:renamed ");
	say_event(&world->daemon, "die", 1);
	settle(world);
	assert_told(world, "-1 ");
}

static void a_stream_that_ends_properly_is_opened_again(void **state)
{
	struct world *world = *state;

	observe(world);
	settle(world);
	say(world->daemon.stream, "0\r\n\r\n");
	WAIT_FOR(has_trouble(world, "closed the stream of events"), world, 1);
	WAIT_FOR(!docker_trouble(world->docker), world, 2);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 ");
}

static void it_can_be_freed_at_any_moment(void **state)
{
	(void)state;
	for (int turns = 0; turns < 24; turns++) {
		struct world *world = world_new();

		world->daemon.list = list_of_hundred;
		observe(world);
		for (int i = 0; i < turns; i++)
			turn(world, 5);
		world_free(world);
	}
	docker_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(an_absent_daemon_is_known_at_once_and_found_later),
		WORLD_TEST(a_socket_that_nobody_listens_on_is_trouble),
		WORLD_TEST(a_socket_path_that_is_too_long_is_trouble),
		cmocka_unit_test(a_daemon_that_hangs_at_any_step_is_given_up_after_5_s),
		WORLD_TEST(a_full_backlog_is_trouble_and_no_busy_loop),
		WORLD_TEST(a_restart_reports_what_has_changed_or_is_gone_and_nothing_else),
		WORLD_TEST(a_stream_that_ends_properly_is_opened_again),
		cmocka_unit_test(it_can_be_freed_at_any_moment),
	};

	log_configure(LOG_ERROR, LOG_LOGFMT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
