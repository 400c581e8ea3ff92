// SPDX-License-Identifier: Apache-2.0
// What is read out of /proc: of this process, and of files that are mounted over its own in a namespace that
// nobody else sees. Where mounting is not allowed, those are skipped.
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER_ID "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static int mount_error;

static int enter_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		mount_error = errno;
	return 0;
}

/* Until the next call, or pretend_nothing(), this is the process's file of that name in /proc. */
static void pretend(const char *file, const char *content, size_t len)
{
	char path[64], source[] = "/tmp/ringside-proc-XXXXXX";
	int fd = mkstemp(source);

	if (!mount_error) {
		snprintf(path, sizeof(path), "/proc/%d/%s", getpid(), file);
		umount2(path, MNT_DETACH);
		assert_int_equal(write(fd, content, len), len);
		if (mount(source, path, NULL, MS_BIND, NULL))
			mount_error = errno;
	}
	close(fd);
	unlink(source);
	if (mount_error) {
		print_message("cannot mount a file over one of /proc: %s\n", strerror(mount_error));
		skip();
	}
}

static int pretend_nothing(void **state)
{
	static const char *const files[] = {"cgroup", "environ", "stat"};
	char path[64];

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", getpid(), files[i]);
		umount2(path, MNT_DETACH);
	}
	return 0;
}

/* NULL: in no container. */
static void assert_container(const char *cgroups, const char *id)
{
	char found[65] = "";

	pretend("cgroup", cgroups, strlen(cgroups));
	if (proc_container(getpid(), found) != (id != NULL) || (id && strcmp(found, id) != 0))
		fail_msg("\"%s\" is in container \"%s\"", cgroups, found);
}

static void a_container_is_known_by_its_64_digits(void **state)
{
	static const char *const cgroups[] = {
		"0::/system.slice/docker-" ID ".scope\n",
		"0::/docker/" ID "\n",
		"12:memory:/docker/" ID "\n11:cpu:/docker/" ID "\n0::/\n",
		"0::/\n3:cpuset:/docker/" ID "\n",
		"0::/kubepods.slice/kubepods-burstable.slice/"
		"kubepods-burstable-pod12345678_1234_1234_1234_123456789abc.slice/cri-containerd-" ID
		".scope\n",
		"0::/kubepods/burstable/pod12345678-1234-1234-1234-123456789abc/" ID "\n",
		"0::/machine.slice/libpod-" ID ".scope/container\n",
		"0::/../" ID "\n",
		("0::/docker/" ID),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cgroups); i++)
		assert_container(cgroups[i], ID);
}

static void of_containers_in_containers_the_innermost_counts(void **state)
{
	(void)state;
	assert_container("0::/docker/" OTHER_ID "/docker/" ID "\n", ID);
	assert_container("0::/system.slice/docker-" OTHER_ID ".scope/docker/" ID "/init\n", ID);
}

static void other_numbers_of_digits_are_no_container(void **state)
{
	static const char *const cgroups[] = {
		"",
		"0::/\n",
		"0::/system.slice/nginx.service\n",
		"0::/user.slice/user-1000.slice/session-1.scope\n",
		"0::/docker/" ID "0\n",
		"0::/docker/" ID ID "\n",
		"0::/docker/123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
		"0::/docker/0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cgroups); i++)
		assert_container(cgroups[i], NULL);
}

/* NULL: under no unit. */
static void assert_unit(const char *cgroups, const char *unit)
{
	char found[64] = "";

	pretend("cgroup", cgroups, strlen(cgroups));
	if (proc_unit(getpid(), found, sizeof(found)) != (unit != NULL) || (unit && strcmp(found, unit) != 0))
		fail_msg("\"%s\" is under unit \"%s\"", cgroups, found);
}

static void a_unit_is_a_service_of_the_system(void **state)
{
	(void)state;
	assert_unit("0::/system.slice/nginx.service\n", "nginx");
	assert_unit("0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n",
		    "postgresql@15-main");
	assert_unit("4:memory:/\n1:name=systemd:/system.slice/nginx.service\n0::/\n", "nginx");
	assert_unit("0::/system.slice/nginx.service", "nginx");
	assert_unit("0::/\n", NULL);
	assert_unit("0::/system.slice/docker-" ID ".scope\n", NULL);
	assert_unit("0::/system.slice/.service\n", NULL);
	assert_unit("0::/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service\n", NULL);
}

static void a_unit_longer_than_its_buffer_is_cut(void **state)
{
	char cgroups[300] = "0::/system.slice/", expected[64];

	(void)state;
	memset(cgroups + strlen(cgroups), 'x', 200);
	strcat(cgroups, ".service\n");
	memset(expected, 'x', sizeof(expected) - 1);
	expected[sizeof(expected) - 1] = '\0';
	assert_unit(cgroups, expected);
}

static void assert_variable(const char *name, const char *value)
{
	char found[32] = "";

	if (proc_environment(getpid(), name, found, sizeof(found)) != (value != NULL) ||
	    (value && strcmp(found, value) != 0))
		fail_msg("%s is \"%s\"", name, found);
}

static void a_variable_is_found_by_its_whole_name(void **state)
{
	static const char environment[] = "PATH=/bin\0OTEL_SERVICE_NAME_X=no\0X_OTEL_SERVICE_NAME=no\0"
					  "OTEL_SERVICE_NAME=web=shop\0EMPTY=\0ODD\0LAST=1";

	(void)state;
	pretend("environ", environment, sizeof(environment));
	assert_variable("OTEL_SERVICE_NAME", "web=shop");
	assert_variable("PATH", "/bin");
	assert_variable("LAST", "1");
	assert_variable("EMPTY", NULL);
	assert_variable("ODD", NULL);
	assert_variable("OTEL_SERVICE", NULL);
	assert_variable("ABSENT", NULL);
}

static void a_value_longer_than_its_buffer_is_cut(void **state)
{
	static const char environment[] = "NAME=0123456789012345678901234567890123456789";

	(void)state;
	pretend("environ", environment, sizeof(environment));
	assert_variable("NAME", "0123456789012345678901234567890");
}

static void an_environment_without_end_is_read_up_to_a_limit(void **state)
{
	const size_t len = 400 * 1024;
	char *environment = malloc(len);

	(void)state;
	assert_non_null(environment);
	memset(environment, 'x', len);
	memcpy(environment, "FIRST=1", 8);
	memcpy(environment + len - 7, "LAST=1", 7);
	pretend("environ", environment, len);
	free(environment);
	assert_variable("FIRST", "1");
	assert_variable("LAST", NULL);
}

static void an_environment_cut_within_a_name_is_harmless(void **state)
{
	static const char *const environments[] = {"", "N", "NAM", "NAME", "NAME="};

	(void)state;
	for (size_t i = 0; i < COUNT(environments); i++) {
		pretend("environ", environments[i], strlen(environments[i]));
		assert_variable("NAME", NULL);
	}
}

static void a_parent_is_found_behind_any_name(void **state)
{
	static const char *const lines[] = {
		"42 (cat) S 4711 42 1 0\n",
		"42 (a) R 1 (b) S 4711 42 1 0\n",
		"42 (()) S 4711 42 1 0\n",
		"42 (x y\nz) S 4711 42 1 0\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		pretend("stat", lines[i], strlen(lines[i]));
		assert_int_equal(proc_parent(getpid()), 4711);
	}
	pretend("stat", "garbage", 7);
	assert_int_equal(proc_parent(getpid()), 0);
	pretend("stat", "", 0);
	assert_int_equal(proc_parent(getpid()), 0);
}

/* Below: what is really there. */

static void the_parent_of_a_child_is_this_process(void **state)
{
	int end[2];
	pid_t child;

	(void)state;
	assert_int_equal(pipe(end), 0);
	child = fork();
	if (child == 0) {
		char byte;

		prctl(PR_SET_NAME, ") S 1 1 (");
		close(end[1]);
		_exit(read(end[0], &byte, 1));
	}
	assert_int_equal(proc_parent(child), getpid());
	close(end[0]);
	close(end[1]);
	waitpid(child, NULL, 0);
	assert_int_equal(proc_parent(child), 0);
}

static void arguments_are_counted_by_their_ends(void **state)
{
	static const char line[] = "node\0--flag\0\0last";

	(void)state;
	assert_string_equal(proc_argument(line, sizeof(line), 0), "node");
	assert_string_equal(proc_argument(line, sizeof(line), 1), "--flag");
	assert_string_equal(proc_argument(line, sizeof(line), 2), "");
	assert_string_equal(proc_argument(line, sizeof(line), 3), "last");
	assert_null(proc_argument(line, sizeof(line), 4));
	assert_null(proc_argument("", 0, 0));
}

static void what_does_not_fit_is_cut(void **state)
{
	char text[8];

	(void)state;
	assert_int_equal(proc_read(getpid(), "cmdline", text, sizeof(text)), sizeof(text) - 1);
	assert_int_equal(text[sizeof(text) - 1], '\0');
	assert_true(proc_link(getpid(), "exe", text, sizeof(text)) == sizeof(text) - 1);
	assert_int_equal(text[sizeof(text) - 1], '\0');
}

static void a_file_is_opened_where_the_process_stands(void **state)
{
	char directory[] = "/tmp/ringside-proc-XXXXXX", absolute[64];
	int fds[4];

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	close(creat("here", 0644));
	snprintf(absolute, sizeof(absolute), "%s/here", directory);
	fds[0] = proc_open(getpid(), "here");
	fds[1] = proc_open(getpid(), "./here");
	fds[2] = proc_open(getpid(), absolute);
	fds[3] = proc_open(getpid(), "there");
	for (size_t i = 0; i < 3; i++) {
		assert_true(fds[i] >= 0);
		close(fds[i]);
	}
	assert_int_equal(fds[3], -ENOENT);
	unlink("here");
	assert_int_equal(chdir("/"), 0);
	rmdir(directory);
}

/* A container may link to /dev/watchdog, or make one: whoever opens it starts it. */
static void what_is_no_file_is_not_opened(void **state)
{
	char directory[] = "/tmp/ringside-proc-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	assert_int_equal(mkfifo("pipe", 0644), 0);
	assert_int_equal(symlink("/dev/null", "device"), 0);
	assert_int_equal(proc_open(getpid(), "pipe"), -EACCES);
	assert_int_equal(proc_open(getpid(), "device"), -EACCES);
	assert_int_equal(proc_open(getpid(), "/dev/null"), -EACCES);
	unlink("pipe");
	unlink("device");
	assert_int_equal(chdir("/"), 0);
	rmdir(directory);
}

/* Whether the child, whose root is the directory, and we see the same file behind an absolute link of its. */
static void a_link_leads_within_the_root_of_the_process(void **state)
{
	char directory[] = "/tmp/ringside-proc-XXXXXX", path[64], text[8] = "";
	int ready[2], fd;
	pid_t child;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/hostname", directory);
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, "inner", 5), 5);
	close(fd);
	snprintf(path, sizeof(path), "%s/link", directory);
	assert_int_equal(symlink("/hostname", path), 0);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (chroot(directory) || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	close(ready[1]);
	if (read(ready[0], text, 1) == 1) {
		fd = proc_open(child, "/link");
		assert_true(fd >= 0);
		assert_int_equal(read(fd, text, sizeof(text)), 5);
		assert_memory_equal(text, "inner", 5);
		close(fd);
	}
	close(ready[0]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(path);
	snprintf(path, sizeof(path), "%s/hostname", directory);
	unlink(path);
	rmdir(directory);
}

static void a_process_that_is_not_there_has_nothing(void **state)
{
	const pid_t nobody = 1 << 23; /* beyond the kernel's limit of numbers */
	char text[65] = "";

	(void)state;
	assert_int_equal(proc_read(nobody, "comm", text, sizeof(text)), -ENOENT);
	assert_int_equal(proc_link(nobody, "exe", text, sizeof(text)), -ENOENT);
	assert_int_equal(proc_parent(nobody), 0);
	assert_int_equal(proc_namespace(nobody, "net"), 0);
	assert_false(proc_environment(nobody, "PATH", text, sizeof(text)));
	assert_false(proc_container(nobody, text));
	assert_false(proc_unit(nobody, text, sizeof(text)));
	assert_true(proc_open(nobody, "relative") < 0);
	assert_true(proc_open(nobody, "/absolute") < 0);
}

static void find_own(void *context, pid_t pid)
{
	*(unsigned *)context += pid == getpid();
}

static void a_life_ends_with_another_program(void **state)
{
	struct proc_life before, after;
	int ready[2], go[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(proc_life(getpid(), &before), 0);
	assert_int_equal(before.threads, 1);
	assert_int_equal(pipe2(ready, O_CLOEXEC) | pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NAME, "a) R 1 2 3");
		if (write(ready[1], "r", 1) == 1 && read(go[0], &byte, 1) == 1)
			execlp("sleep", "sleep", "100", NULL);
		_exit(127);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(proc_life(pid, &before), 0);
	assert_int_equal(proc_life(pid, &after), 0);
	assert_true(before.started_ticks == after.started_ticks && before.stack_start == after.stack_start);
	assert_true(before.started_ticks > 0);
	close(ready[1]);
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_int_equal(read(ready[0], &byte, 1), 0); /* closed by the exec */
	assert_int_equal(proc_life(pid, &after), 0);
	assert_int_equal(before.started_ticks, after.started_ticks);
	assert_int_not_equal(before.stack_start, after.stack_start);
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_life(pid, &after), -ESRCH);
	waitpid(pid, NULL, 0);
	assert_int_equal(proc_life(pid, &after), -ESRCH);
	close(ready[0]), close(go[0]), close(go[1]);
}

static void each_process_is_visited_once(void **state)
{
	unsigned visits = 0;

	(void)state;
	assert_int_equal(proc_each(find_own, &visits), 0);
	assert_int_equal(visits, 1);
}

#define PRETENDING_TEST(test) cmocka_unit_test_teardown(test, pretend_nothing)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PRETENDING_TEST(a_container_is_known_by_its_64_digits),
		PRETENDING_TEST(of_containers_in_containers_the_innermost_counts),
		PRETENDING_TEST(other_numbers_of_digits_are_no_container),
		PRETENDING_TEST(a_unit_is_a_service_of_the_system),
		PRETENDING_TEST(a_unit_longer_than_its_buffer_is_cut),
		PRETENDING_TEST(a_variable_is_found_by_its_whole_name),
		PRETENDING_TEST(a_value_longer_than_its_buffer_is_cut),
		PRETENDING_TEST(an_environment_without_end_is_read_up_to_a_limit),
		PRETENDING_TEST(an_environment_cut_within_a_name_is_harmless),
		PRETENDING_TEST(a_parent_is_found_behind_any_name),
		cmocka_unit_test(the_parent_of_a_child_is_this_process),
		cmocka_unit_test(arguments_are_counted_by_their_ends),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(a_file_is_opened_where_the_process_stands),
		cmocka_unit_test(what_is_no_file_is_not_opened),
		cmocka_unit_test(a_link_leads_within_the_root_of_the_process),
		cmocka_unit_test(a_process_that_is_not_there_has_nothing),
		cmocka_unit_test(a_life_ends_with_another_program),
		cmocka_unit_test(each_process_is_visited_once),
	};

	return cmocka_run_group_tests_name("proc", tests, enter_namespace, NULL);
}
