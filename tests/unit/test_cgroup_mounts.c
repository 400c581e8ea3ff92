// SPDX-License-Identifier: Apache-2.0
// Where a container's or a unit's cgroup is, by what /proc/PID/cgroup says on hosts of all kinds.
#include "cgroup_mounts.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER_ID "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

/* On the heap, so that the sanitizer sees any byte read beyond it. */
static bool parse(const char *text, const char *id, struct cgroup_paths *ret_paths)
{
	char *copy = strdup(text);
	bool found = cgroup_paths_parse(copy, id, ret_paths);

	free(copy);
	return found;
}

/* NULL: no directory of its own there. */
static void assert_paths(const char *text, const char *id, const char *const expected[CGROUP_HIERARCHIES])
{
	struct cgroup_paths paths = {0};
	bool any = false;

	for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++)
		any |= expected[i] != NULL;
	assert_int_equal(parse(text, id, &paths), any);
	for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++)
		if (!paths.paths[i] != !expected[i] ||
		    (expected[i] && strcmp(paths.paths[i], expected[i]) != 0))
			fail_msg("\"%s\": \"%s\" in hierarchy %u, not \"%s\"", text,
				 paths.paths[i] ? paths.paths[i] : "-", i, expected[i] ? expected[i] : "-");
	cgroup_paths_free(&paths);
	cgroup_paths_free(&paths);
}

static void a_container_on_v1_has_a_directory_in_each_hierarchy(void **state)
{
	(void)state;
	assert_paths("4:memory:/docker/" ID "\n2:cpuacct,cpu:/docker/" ID "\n1:name=systemd:/docker/" ID "\n",
		     ID,
		     (const char *[]){[CGROUP_CPU] = "docker/" ID,
				      [CGROUP_CPUACCT] = "docker/" ID,
				      [CGROUP_MEMORY] = "docker/" ID,
				      [CGROUP_UNIFIED] = NULL});
}

static void a_container_on_v2_has_one(void **state)
{
	(void)state;
	assert_paths("0::/system.slice/docker-" ID ".scope\n", ID,
		     (const char *[]){
			     [CGROUP_UNIFIED] = "system.slice/docker-" ID ".scope", [CGROUP_MEMORY] = NULL});
}

static void what_is_not_the_containers_own_is_left_out(void **state)
{
	(void)state;
	/* runc before 1.0 makes no directory in a hybrid's unified hierarchy. */
	assert_paths("4:memory:/docker/" ID "\n0::/system.slice/docker.service\n", ID,
		     (const char *[]){[CGROUP_MEMORY] = "docker/" ID, [CGROUP_UNIFIED] = NULL});
	assert_paths("4:memory:/docker/" OTHER_ID "\n0::/\n", ID, (const char *[CGROUP_HIERARCHIES]){NULL});
}

static void below_the_containers_own_is_the_container(void **state)
{
	(void)state;
	assert_paths("0::/docker/" ID "/init.scope/deep\n", ID,
		     (const char *[]){[CGROUP_UNIFIED] = "docker/" ID, [CGROUP_MEMORY] = NULL});
	assert_paths("0::/machine.slice/libpod-" ID ".scope/container\n", ID,
		     (const char *[]){
			     [CGROUP_UNIFIED] = "machine.slice/libpod-" ID ".scope", [CGROUP_MEMORY] = NULL});
}

static void of_containers_in_containers_each_has_its_own(void **state)
{
	static const char text[] = "0::/docker/" OTHER_ID "/docker/" ID "/x\n";

	(void)state;
	assert_paths(text, OTHER_ID,
		     (const char *[]){[CGROUP_UNIFIED] = "docker/" OTHER_ID, [CGROUP_MEMORY] = NULL});
	assert_paths(text, ID,
		     (const char *[]){
			     [CGROUP_UNIFIED] = "docker/" OTHER_ID "/docker/" ID, [CGROUP_MEMORY] = NULL});
}

static void a_unit_ends_at_its_service(void **state)
{
	static const struct {
		const char *text, *unified;
	} cases[] = {
		{"0::/system.slice/nginx.service\n", "system.slice/nginx.service"},
		{"0::/system.slice/nginx.service", "system.slice/nginx.service"},
		{"0::/system.slice/system-pg.slice/pg@15.service/sub.scope\n",
		 "system.slice/system-pg.slice/pg@15.service"},
		{"0::/system.slice/docker-" ID ".scope\n", NULL},
		{"0::/system.slice/.service\n", NULL},
		{"0::/system.slice/\n", NULL},
		{"0::/system.slice//\n", NULL},
		{"0::/user.slice/user-0.slice/user@0.service/app.slice/a.service\n", NULL},
		{"0::/\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_paths(cases[i].text, NULL,
			     (const char *[]){[CGROUP_UNIFIED] = cases[i].unified, [CGROUP_MEMORY] = NULL});
}

static void what_leads_out_of_sight_is_absent(void **state)
{
	(void)state;
	assert_paths("0::/../" ID "\n", ID, (const char *[CGROUP_HIERARCHIES]){NULL});
	assert_paths("0::/../../system.slice/a.service\n", NULL, (const char *[CGROUP_HIERARCHIES]){NULL});
}

static void nonsense_has_no_paths(void **state)
{
	static const char *const texts[] = {
		"",         "\n", ":", "::", "0::", "0::x" ID, "0:/" ID, "\n\n0:\n:::", "4:pids:/docker/" ID,
		"\xff\xfe",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_paths(texts[i], ID, (const char *[CGROUP_HIERARCHIES]){NULL});
		assert_paths(texts[i], NULL, (const char *[CGROUP_HIERARCHIES]){NULL});
	}
	assert_paths("0::/docker/x\n", "", (const char *[CGROUP_HIERARCHIES]){NULL});
}

static void options_name_the_hierarchies(void **state)
{
	(void)state;
	assert_int_equal(cgroup_hierarchies_of("rw,relatime,cpu,cpuacct"),
			 1 << CGROUP_CPU | 1 << CGROUP_CPUACCT);
	assert_int_equal(cgroup_hierarchies_of("memory"), 1 << CGROUP_MEMORY);
	assert_int_equal(cgroup_hierarchies_of("rw,cpuset,name=cpu,,memory2"), 0);
	assert_int_equal(cgroup_hierarchies_of(""), 0);
}

static void an_id_is_the_directorys_inode(void **state)
{
	char root[] = "/tmp/ringside-cgroup-XXXXXX";
	struct cgroup_mounts mounts = {{-1, -1, -1, -1}};
	struct cgroup_paths paths = {0};
	struct stat status;

	(void)state;
	assert_non_null(mkdtemp(root));
	mounts.fds[CGROUP_UNIFIED] = open(root, O_RDONLY | O_DIRECTORY);
	assert_int_equal(cgroup_paths_id(&mounts, &paths), 0);
	paths.paths[CGROUP_UNIFIED] = strdup("a");
	assert_int_equal(cgroup_paths_id(&mounts, &paths), 0);
	assert_int_equal(mkdirat(mounts.fds[CGROUP_UNIFIED], "a", 0755), 0);
	assert_int_equal(fstatat(mounts.fds[CGROUP_UNIFIED], "a", &status, 0), 0);
	assert_int_equal(cgroup_paths_id(&mounts, &paths), status.st_ino);
	unlinkat(mounts.fds[CGROUP_UNIFIED], "a", AT_REMOVEDIR);
	close(mounts.fds[CGROUP_UNIFIED]);
	rmdir(root);
	cgroup_paths_free(&paths);
}

static void this_hosts_mounts_are_opened_and_closed(void **state)
{
	struct cgroup_mounts mounts;
	struct cgroup_paths paths = {0};

	(void)state;
	cgroup_mounts_open(&mounts, -1);
	assert_int_equal(mounts.fds[CGROUP_UNIFIED], -1);
	cgroup_mounts_close(&mounts);
	assert_false(cgroup_paths_of_container(1 << 23, ID, &paths));
	assert_false(cgroup_paths_of_unit(1 << 23, &paths));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_container_on_v1_has_a_directory_in_each_hierarchy),
		cmocka_unit_test(a_container_on_v2_has_one),
		cmocka_unit_test(what_is_not_the_containers_own_is_left_out),
		cmocka_unit_test(below_the_containers_own_is_the_container),
		cmocka_unit_test(of_containers_in_containers_each_has_its_own),
		cmocka_unit_test(a_unit_ends_at_its_service),
		cmocka_unit_test(what_leads_out_of_sight_is_absent),
		cmocka_unit_test(nonsense_has_no_paths),
		cmocka_unit_test(options_name_the_hierarchies),
		cmocka_unit_test(an_id_is_the_directorys_inode),
		cmocka_unit_test(this_hosts_mounts_are_opened_and_closed),
	};

	return cmocka_run_group_tests_name("cgroup_mounts", tests, NULL, NULL);
}
