// SPDX-License-Identifier: Apache-2.0
// Facts stay with the file they are of, and only so many.
#include "file_facts.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void the_file_that_was_asked_for_longest_ago_makes_room(void **state)
{
	struct file_facts *facts = file_facts_new(3, sizeof(int));
	struct file_id ids[4] = {{.inode = 1}, {.inode = 2}, {.inode = 3}, {.inode = 4}};
	int value;

	(void)state;
	for (int i = 0; i < 3; i++)
		file_facts_keep(facts, &ids[i], &i);
	assert_true(file_facts_find(facts, &ids[0], &value));
	assert_int_equal(value, 0);
	value = 3;
	file_facts_keep(facts, &ids[3], &value);
	assert_false(file_facts_find(facts, &ids[1], &value));
	assert_true(file_facts_find(facts, &ids[0], &value) && value == 0);
	assert_true(file_facts_find(facts, &ids[2], &value) && value == 2);
	assert_true(file_facts_find(facts, &ids[3], &value) && value == 3);
	value = 7;
	file_facts_keep(facts, &ids[3], &value);
	value = 0;
	assert_true(file_facts_find(facts, &ids[3], &value) && value == 7);
	assert_true(file_facts_find(facts, &ids[0], &value));
	file_facts_free(facts);
	file_facts_free(NULL);
}

static void a_file_that_was_changed_is_another(void **state)
{
	char path[] = "/tmp/ringside-facts-XXXXXX";
	struct file_facts *facts = file_facts_new(3, sizeof(int));
	struct file_id before, after;
	int fd = mkstemp(path), value = 1;

	(void)state;
	unlink(path);
	assert_true(file_facts_id(fd, &before));
	file_facts_keep(facts, &before, &value);
	assert_true(file_facts_id(fd, &after) && file_facts_find(facts, &after, &value));
	assert_int_equal(write(fd, "x", 1), 1);
	assert_true(file_facts_id(fd, &after));
	assert_false(file_facts_find(facts, &after, &value));
	close(fd);
	assert_false(file_facts_id(fd, &after));
	file_facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_file_that_was_asked_for_longest_ago_makes_room),
		cmocka_unit_test(a_file_that_was_changed_is_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
