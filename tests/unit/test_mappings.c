// SPDX-License-Identifier: Apache-2.0
// Lines as the kernel writes them, lines it would never write, and this process's own.
#include "mappings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void a_line_is_taken_apart(void **state)
{
	struct mapping mapping;

	(void)state;
	assert_true(mapping_parse("7f0c8c2f4000-7f0c8c31a000 r-xp 00026000 fe:00 1573 "
				  "                      /usr/lib/x86 64/libc.so.6",
				  &mapping));
	assert_int_equal(mapping.start, 0x7f0c8c2f4000);
	assert_int_equal(mapping.end, 0x7f0c8c31a000);
	assert_int_equal(mapping.offset, 0x26000);
	assert_true(mapping.readable && !mapping.writable && mapping.executable);
	assert_string_equal(mapping.path, "/usr/lib/x86 64/libc.so.6");
	assert_true(mapping_parse("00400000-00401000 -w-s 00000000 00:00 0 ", &mapping));
	assert_true(!mapping.readable && mapping.writable && !mapping.executable);
	assert_string_equal(mapping.path, "");
	assert_true(mapping_parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0    [vsyscall]",
				  &mapping));
	assert_string_equal(mapping.path, "[vsyscall]");
}

static void other_lines_are_none(void **state)
{
	static const char *const lines[] = {
		"",
		"-",
		"00400000",
		"00400000-00401000",
		"00400000-00401000 ",
		"00400000-00401000 r-x 00000000 00:00 0",
		"00400000-00401000 r-xp",
		"00400000-00401000 r-xp 0",
		"00400000-00401000 r-xp 0 fe:00",
		"00400000-00401000 r-xp g 00:00 0",
		"00401000-00400000 r-xp 00000000 00:00 0",
		"10000000000000000-10000000000000001 r-xp 00000000 00:00 0",
		"-00401000 r-xp 00000000 00:00 0",
		"Name:\tcat",
	};
	struct mapping mapping;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (mapping_parse(lines[i], &mapping))
			fail_msg("\"%s\" is no mapping", lines[i]);
}

struct wanted {
	uint64_t address;
	unsigned seen, stop_after;
	struct mapping found;
	char path[256];
};

static bool look(void *context, const struct mapping *mapping)
{
	struct wanted *wanted = context;

	if (wanted->address >= mapping->start && wanted->address < mapping->end) {
		wanted->found = *mapping;
		snprintf(wanted->path, sizeof(wanted->path), "%s", mapping->path);
	}
	return ++wanted->seen != wanted->stop_after;
}

static void what_this_process_has_mapped_is_found(void **state)
{
	struct wanted wanted = {.address = (uint64_t)(uintptr_t)a_line_is_taken_apart};
	char executable[256] = "";

	(void)state;
	assert_true(readlink("/proc/self/exe", executable, sizeof(executable) - 1) > 0);
	assert_int_equal(mappings_each(getpid(), look, &wanted), 0);
	assert_true(wanted.found.executable && !wanted.found.writable);
	assert_string_equal(wanted.path, executable);
	wanted = (struct wanted){.stop_after = 2};
	assert_int_equal(mappings_each(getpid(), look, &wanted), 0);
	assert_int_equal(wanted.seen, 2);
}

static void thousands_of_mappings_are_all_seen(void **state)
{
	size_t page = (size_t)getpagesize(), count = 6000;
	char *block = mmap(NULL, count * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct wanted wanted = {.address = (uint64_t)(uintptr_t)(block + (count - 1) * page)};

	(void)state;
	assert_true(block != MAP_FAILED);
	for (size_t i = 0; i < count; i += 2)
		mprotect(block + i * page, page, PROT_NONE);
	assert_int_equal(mappings_each(getpid(), look, &wanted), 0);
	assert_true(wanted.seen > count);
	assert_int_equal(wanted.found.start, wanted.address);
	munmap(block, count * page);
}

static void a_process_that_has_ended_has_none(void **state)
{
	struct wanted wanted = {0};
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	assert_int_equal(mappings_each(pid, look, &wanted), -ESRCH);
	assert_int_equal(wanted.seen, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_taken_apart),
		cmocka_unit_test(other_lines_are_none),
		cmocka_unit_test(what_this_process_has_mapped_is_found),
		cmocka_unit_test(thousands_of_mappings_are_all_seen),
		cmocka_unit_test(a_process_that_has_ended_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
