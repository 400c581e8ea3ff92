// SPDX-License-Identifier: Apache-2.0
// Kills for want of memory, as Docker and cgroups tell of them: late, together, or only one of the two.
#include "ooms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int tear_down(void **state)
{
	ooms_free(*state);
	return 0;
}

static int set_up(void **state)
{
	static struct ooms ooms;

	ooms = (struct ooms){0};
	*state = &ooms;
	return 0;
}

static void a_kill_that_both_tell_of_counts_once(void **state)
{
	struct ooms *ooms = *state;

	ooms_begin(ooms, ID, 10);
	assert_int_equal(ooms_total(ooms, ID, 0), 0);
	ooms_tell(ooms, ID, true, 11);
	assert_int_equal(ooms_total(ooms, ID, 1), 1);
	assert_int_equal(ooms_total(ooms, ID, 2), 2); /* Docker's word is on its way */
	ooms_tell(ooms, ID, true, 12);
	assert_int_equal(ooms_total(ooms, ID, 2), 2);
	assert_int_equal(ooms_total(ooms, ID, 2), 2);
}

static void the_kill_that_ends_a_container_is_known_by_docker_only(void **state)
{
	struct ooms *ooms = *state;

	ooms_begin(ooms, ID, 10);
	assert_int_equal(ooms_total(ooms, ID, 1), 1);
	ooms_tell(ooms, ID, true, 11);
	ooms_tell(ooms, ID, true, 12);
	ooms_end(ooms, ID);
	ooms_begin(ooms, ID, 13);
	assert_int_equal(ooms_total(ooms, ID, 0), 2);
	assert_int_equal(ooms_total(ooms, ID, 1), 3);
}

static void kills_before_ringside_came_are_known_by_the_cgroup_only(void **state)
{
	struct ooms *ooms = *state;

	ooms_begin(ooms, ID, 10);
	assert_int_equal(ooms_total(ooms, ID, 5), 5);
	assert_int_equal(ooms_total(ooms, ID, 5), 5);
	ooms_tell(ooms, ID, true, 11); /* ends it */
	ooms_end(ooms, ID);
	ooms_begin(ooms, ID, 12);
	assert_int_equal(ooms_total(ooms, ID, 0), 6);
}

static void a_kill_told_before_the_container_is_met_counts_once(void **state)
{
	struct ooms *ooms = *state;

	ooms_tell(ooms, ID, false, 11);
	ooms_begin(ooms, ID, 10);
	assert_int_equal(ooms_total(ooms, ID, 1), 1);
}

static void a_container_that_dies_before_it_is_met_is_not_forgotten(void **state)
{
	struct ooms *ooms = *state;

	for (int i = 0; i < 3; i++)
		ooms_tell(ooms, ID, false, 11 + i);
	ooms_begin(ooms, ID, 20);
	assert_int_equal(ooms_total(ooms, ID, 0), 3);
	assert_int_equal(ooms_total(ooms, ID, 1), 4);
}

static void what_was_never_killed_takes_no_room(void **state)
{
	struct ooms *ooms = *state;

	ooms_begin(ooms, ID, 10);
	assert_int_equal(ooms_total(ooms, ID, 0), 0);
	ooms_end(ooms, ID);
	assert_null(ooms->table);
}

static bool runs(void *context, const char *id)
{
	(void)id;
	return *(bool *)context;
}

static void it_is_forgotten_five_minutes_after_its_end(void **state)
{
	const uint64_t minute_ns = 60000000000;
	struct ooms *ooms = *state;
	bool running = true;

	ooms_tell(ooms, ID, true, 1);
	ooms_expire(ooms, runs, &running, minute_ns);
	ooms_expire(ooms, runs, &running, 100 * minute_ns);
	assert_non_null(ooms->table);
	running = false;
	ooms_expire(ooms, runs, &running, 200 * minute_ns);
	ooms_expire(ooms, runs, &running, 204 * minute_ns);
	running = true;
	ooms_expire(ooms, runs, &running, 205 * minute_ns);
	running = false;
	ooms_expire(ooms, runs, &running, 206 * minute_ns);
	ooms_expire(ooms, runs, &running, 210 * minute_ns);
	assert_non_null(ooms->table);
	ooms_expire(ooms, runs, &running, 211 * minute_ns);
	assert_null(ooms->table);
}

static void strangers_cannot_fill_it(void **state)
{
	struct ooms *ooms = *state;
	char id[80];

	for (int i = 0; i < 2000; i++) {
		snprintf(id, sizeof(id), "%064d", i);
		ooms_tell(ooms, id, false, 1);
	}
	assert_int_equal(ooms->lost, 1000);
	assert_int_equal(ooms_total(ooms, id, 7), 7);
	snprintf(id, sizeof(id), "%070d", 1);
	ooms_tell(ooms, id, false, 1);
	assert_int_equal(ooms->lost, 1002);
}

#define OOM_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OOM_TEST(a_kill_that_both_tell_of_counts_once),
		OOM_TEST(the_kill_that_ends_a_container_is_known_by_docker_only),
		OOM_TEST(kills_before_ringside_came_are_known_by_the_cgroup_only),
		OOM_TEST(a_kill_told_before_the_container_is_met_counts_once),
		OOM_TEST(a_container_that_dies_before_it_is_met_is_not_forgotten),
		OOM_TEST(what_was_never_killed_takes_no_room),
		OOM_TEST(it_is_forgotten_five_minutes_after_its_end),
		OOM_TEST(strangers_cannot_fill_it),
	};

	return cmocka_run_group_tests_name("ooms", tests, NULL, NULL);
}
