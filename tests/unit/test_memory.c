// SPDX-License-Identifier: Apache-2.0
// Reading a child's memory: what is there comes out, what is not is an error of the right kind.
#include "memory.h"

#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char said[] = "what the parent must read";
static struct memory_counts counts;

static int reset_counts(void **state)
{
	(void)state;
	counts = (struct memory_counts){0};
	return 0;
}

/* A copy of this process that waits; addresses are the same there. */
static pid_t start_copy(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static uint64_t address_of(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static void what_is_mapped_is_read(void **state)
{
	pid_t pid = start_copy();
	char got[sizeof(said)] = "", first[4] = "", last[5] = "";
	struct memory_part parts[] = {
		{address_of(said), first, 3},
		{address_of(said + 21), last, 4},
	};

	(void)state;
	assert_int_equal(memory_read(pid, address_of(said), got, sizeof(got), &counts), 0);
	assert_string_equal(got, said);
	assert_int_equal(memory_read_parts(pid, parts, 2, &counts), 0);
	assert_string_equal(first, "wha");
	assert_string_equal(last, "read");
	assert_int_equal(counts.reads, 2);
	end(pid);
}

static void a_read_that_runs_out_of_its_mapping_gives_nothing(void **state)
{
	size_t page = (size_t)getpagesize();
	char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char got[64];
	pid_t pid;

	(void)state;
	memset(two, 'x', 2 * page);
	munmap(two + page, page);
	pid = start_copy();
	assert_int_equal(memory_read(pid, address_of(two + page - 32), got, 32, &counts), 0);
	memset(got, 'y', sizeof(got));
	assert_int_equal(memory_read(pid, address_of(two + page - 32), got, 64, &counts), -EFAULT);
	for (size_t i = 0; i < sizeof(got); i++)
		assert_int_equal(got[i], 0);
	assert_int_equal(counts.unmapped, 1);
	end(pid);
	munmap(two, page);
}

static void wild_addresses_are_unmapped(void **state)
{
	static const uint64_t addresses[] = {
		0,         1, 0x7fffffffffff, 0x800000000000, INT64_MAX, (uint64_t)1 << 63, UINT64_MAX - 7,
		UINT64_MAX};
	size_t count = sizeof(addresses) / sizeof(*addresses);
	pid_t pid = start_copy();
	char got[16];

	(void)state;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(memory_read(pid, addresses[i], got, sizeof(got), &counts), -EFAULT);
	assert_int_equal(counts.unmapped, count);
	end(pid);
}

static void more_than_the_limits_is_refused(void **state)
{
	static struct memory_part parts[MEMORY_PARTS_MAX + 1];
	static char huge[MEMORY_BYTES_MAX + 1];
	struct memory_part twice[] = {
		{address_of(said), huge, MEMORY_BYTES_MAX / 2 + 1},
		{address_of(said), huge, MEMORY_BYTES_MAX / 2},
	};
	char byte;

	(void)state;
	for (size_t i = 0; i < MEMORY_PARTS_MAX + 1; i++)
		parts[i] = (struct memory_part){address_of(said), &byte, 1};
	assert_int_equal(memory_read_parts(getpid(), parts, MEMORY_PARTS_MAX + 1, &counts), -E2BIG);
	assert_int_equal(memory_read_parts(getpid(), parts, MEMORY_PARTS_MAX, &counts), 0);
	assert_int_equal(memory_read(getpid(), address_of(huge), huge, sizeof(huge), &counts), -E2BIG);
	assert_int_equal(memory_read_parts(getpid(), twice, 2, &counts), -E2BIG);
	assert_int_equal(counts.other, 3);
}

static void a_process_that_has_ended_is_gone(void **state)
{
	pid_t pid = start_copy();
	siginfo_t info;
	char got[8];

	(void)state;
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(memory_read(pid, address_of(said), got, sizeof(got), &counts),
			 -ESRCH); /* a zombie */
	waitpid(pid, NULL, 0);
	assert_int_equal(memory_read(pid, address_of(said), got, sizeof(got), &counts), -ESRCH);
	assert_int_equal(counts.gone, 2);
}

static void a_process_may_die_while_it_is_read(void **state)
{
	static char much[1 << 20];

	(void)state;
	for (int round = 0; round < 50; round++) {
		pid_t killer, pid = start_copy();
		int error;

		killer = fork();
		if (killer == 0) {
			usleep(200 * (unsigned)round);
			kill(pid, SIGKILL);
			_exit(0);
		}
		do
			error = memory_read(pid, address_of(much), much, sizeof(much), &counts);
		while (!error);
		assert_true(error == -ESRCH || error == -EFAULT);
		waitpid(killer, NULL, 0);
		waitpid(pid, NULL, 0);
	}
}

/* From here on this process's process_vm_readv says ENOSYS. */
static bool forbid_the_system_call(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = rules};

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int read_without_the_system_call(pid_t pid)
{
	char got[sizeof(said)] = "", first[4] = "";
	const struct memory_part parts[] = {{address_of(said), got, sizeof(got)},
					    {address_of(said), first, 3}};
	int error;

	if (!forbid_the_system_call())
		return 77;
	if (memory_read_parts(pid, parts, 2, &counts) || strcmp(got, said) != 0 || strcmp(first, "wha") != 0)
		return 1;
	if (memory_read(pid, 16, got, 8, &counts) != -EFAULT ||
	    memory_read(pid, UINT64_MAX, got, 8, &counts) != -EFAULT)
		return 2;
	/* Not our child: it dies in its own time. */
	kill(pid, SIGKILL);
	while (!(error = memory_read(pid, address_of(said), got, 8, &counts)))
		usleep(1000);
	return error == -ESRCH && counts.unmapped == 2 && counts.gone == 1 ? 0 : 3;
}

static void where_the_system_call_is_forbidden_the_file_is_read(void **state)
{
	pid_t reader, pid = start_copy();
	int status = 0;

	(void)state;
	reader = fork();
	if (reader == 0)
		_exit(read_without_the_system_call(pid));
	waitpid(reader, &status, 0);
	end(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static void who_may_not_read_is_told_so(void **state)
{
	pid_t pid, reader;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = start_copy();
	reader = fork();
	if (reader == 0) {
		char got[8];
		int error;

		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(2);
		error = memory_read(pid, address_of(said), got, sizeof(got), &counts);
		_exit(error == -EPERM && counts.denied == 1 ? 0 : 1);
	}
	waitpid(reader, &status, 0);
	assert_int_equal(status, 0);
	end(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_mapped_is_read, reset_counts),
		cmocka_unit_test_setup(a_read_that_runs_out_of_its_mapping_gives_nothing, reset_counts),
		cmocka_unit_test_setup(wild_addresses_are_unmapped, reset_counts),
		cmocka_unit_test_setup(more_than_the_limits_is_refused, reset_counts),
		cmocka_unit_test_setup(a_process_that_has_ended_is_gone, reset_counts),
		cmocka_unit_test_setup(a_process_may_die_while_it_is_read, reset_counts),
		cmocka_unit_test_setup(where_the_system_call_is_forbidden_the_file_is_read, reset_counts),
		cmocka_unit_test_setup(who_may_not_read_is_told_so, reset_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
