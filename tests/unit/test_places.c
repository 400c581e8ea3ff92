// SPDX-License-Identifier: Apache-2.0
// Places are kept apart by cgroup, namespace and port, and make room once a minute when nobody serves there.
#include "places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service.h"

#define SECOND_NS 1000000000ULL

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct places));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	places_free(*state);
	free(*state);
	return 0;
}

static struct place_entry *at(struct places *places, uint64_t cgroup, uint16_t port, uint64_t now_ns)
{
	const struct place place = {.cgroup = cgroup, .netns = 1, .port = port};

	return places_get(places, &place, now_ns);
}

static void a_place_is_its_cgroup_and_its_port(void **state)
{
	struct place_entry *entry = at(*state, 1, 80, 0);

	assert_non_null(entry);
	assert_ptr_equal(at(*state, 1, 80, 0), entry);
	assert_ptr_not_equal(at(*state, 2, 80, 0), entry);
	assert_ptr_not_equal(at(*state, 1, 81, 0), entry);
	assert_int_equal(entry->index, 0); /* no kernel here to sum up */
}

static void a_service_that_goes_leaves_its_places_to_nobody(void **state)
{
	struct service gone = {0}, stays = {.past_bytes = 7};
	uint64_t in_flight, bytes;

	at(*state, 1, 80, 0)->service = &gone;
	at(*state, 2, 80, 0)->service = &stays;
	places_forget_service(*state, &gone);
	assert_null(at(*state, 1, 80, 0)->service);
	assert_ptr_equal(at(*state, 2, 80, 0)->service, &stays);
	places_traffic(*state, &stays, &in_flight, &bytes);
	assert_int_equal(in_flight, 0);
	assert_int_equal(bytes, 7);
}

static void a_full_table_makes_room_of_what_nobody_serves(void **state)
{
	struct service service = {0};
	unsigned count = 0;

	while (count < 2 * PLACES_MAX && at(*state, count + 1, 80, 0))
		count++;
	assert_int_equal(count, PLACES_MAX - 1);
	at(*state, 5, 80, 0)->service = &service;
	assert_null(at(*state, count + 2, 80, 59 * SECOND_NS));
	assert_non_null(at(*state, count + 2, 80, 60 * SECOND_NS));
	assert_ptr_equal(at(*state, 5, 80, 60 * SECOND_NS)->service, &service);
	assert_int_equal(HASH_COUNT(((struct places *)*state)->table), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_place_is_its_cgroup_and_its_port, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_service_that_goes_leaves_its_places_to_nobody, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_full_table_makes_room_of_what_nobody_serves, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
