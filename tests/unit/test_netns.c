// SPDX-License-Identifier: Apache-2.0
// Visits to other network namespaces end at home, whatever happens there.
#include "netns.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static ino_t current(void)
{
	struct stat status;

	assert_int_equal(stat("/proc/thread-self/ns/net", &status), 0);
	return status.st_ino;
}

static int note_namespace(void *context)
{
	*(ino_t *)context = current();
	return 17;
}

/* A process in a namespace of its own; 0 where that is not allowed. */
static pid_t start_stranger(void)
{
	int ready[2];
	char able = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		able = !unshare(CLONE_NEWNET);
		if (write(ready[1], &able, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &able, 1), 1);
	close(ready[0]);
	close(ready[1]);
	if (able)
		return pid;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}

static void test_a_visit_ends_at_home(void **state)
{
	pid_t stranger = start_stranger();
	ino_t home = current(), there = 0;
	int fd;

	(void)state;
	if (!stranger)
		skip();
	fd = netns_home();
	assert_true(fd >= 0);
	assert_int_equal(netns_visit(fd, stranger, note_namespace, &there), 17);
	assert_true(there && there != home);
	assert_int_equal(current(), home);
	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
	there = 0;
	assert_int_equal(netns_visit(fd, stranger, note_namespace, &there), -ENOENT);
	assert_int_equal(there, 0);
	assert_int_equal(current(), home);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_visit_ends_at_home)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
