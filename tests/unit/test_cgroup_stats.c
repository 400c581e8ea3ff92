// SPDX-License-Identifier: Apache-2.0
// The figures of a cgroup, out of directories that look like those of v1, a hybrid and v2, and of none.
#include "cgroup_stats.h"

#include <fcntl.h>
#include <ftw.h>
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

#include "cgroup_mounts.h"

struct host {
	char root[64];
	struct cgroup_mounts mounts;
	struct cgroup_paths paths;
};

static const char *const names[CGROUP_HIERARCHIES] = {
	[CGROUP_UNIFIED] = "unified",
	[CGROUP_CPU] = "cpu",
	[CGROUP_CPUACCT] = "cpuacct",
	[CGROUP_MEMORY] = "memory",
};

/* A directory "group" in each of the hierarchies given as bits. */
static void mount_hierarchies(struct host *host, unsigned hierarchies)
{
	for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++) {
		char path[128];

		if (!(hierarchies & 1U << i))
			continue;
		snprintf(path, sizeof(path), "%s/%s", host->root, names[i]);
		assert_int_equal(mkdir(path, 0755), 0);
		host->mounts.fds[i] = open(path, O_RDONLY | O_DIRECTORY);
		assert_int_equal(mkdirat(host->mounts.fds[i], "group", 0755), 0);
		host->paths.paths[i] = strdup("group");
	}
}

static void put_bytes(const struct host *host, enum cgroup_hierarchy in, const char *file, const char *data,
		      size_t len)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "group/%s", file);
	fd = openat(host->mounts.fds[in], path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static void put(const struct host *host, enum cgroup_hierarchy in, const char *file, const char *text)
{
	put_bytes(host, in, file, text, strlen(text));
}

static int set_up(void **state)
{
	struct host *host = calloc(1, sizeof(*host));

	strcpy(host->root, "/tmp/ringside-cgroup-XXXXXX");
	if (!mkdtemp(host->root))
		return -1;
	for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++)
		host->mounts.fds[i] = -1;
	*state = host;
	return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *position)
{
	(void)status, (void)kind, (void)position;
	return remove(path);
}

static int tear_down(void **state)
{
	struct host *host = *state;

	if (host->mounts.fds[CGROUP_UNIFIED] >= 0)
		close(host->mounts.fds[CGROUP_UNIFIED]);
	cgroup_mounts_close(&host->mounts);
	cgroup_paths_free(&host->paths);
	nftw(host->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(host);
	return 0;
}

static const char *const figure_names[CGROUP_FIGURES] = {
	"usage_ns",       "user_ns",        "system_ns",  "periods",     "throttled_periods",
	"throttled_ns",   "usage",          "working",    "rss",         "cache",
	"inactive",       "limit",          "oom",        "cpu_waiting", "cpu_stalled",
	"memory_waiting", "memory_stalled", "io_waiting", "io_stalled",
};

/* All others are absent. */
static void assert_figures(const struct host *host, const uint64_t expected[CGROUP_FIGURES])
{
	struct cgroup_stats stats;

	cgroup_stats_read(&host->mounts, &host->paths, &stats);
	for (unsigned i = 0; i < CGROUP_FIGURES; i++)
		if (stats.figures[i] != expected[i])
			fail_msg("%s is %llu, not %llu", figure_names[i],
				 (unsigned long long)stats.figures[i], (unsigned long long)expected[i]);
}

static void v2_says_all_in_one_directory(void **state)
{
	struct host *host = *state;
	uint64_t expected[CGROUP_FIGURES] = {
		[CGROUP_CPU_USAGE_NS] = 22750000,
		[CGROUP_CPU_USER_NS] = 17062000,
		[CGROUP_CPU_SYSTEM_NS] = 5687000,
		[CGROUP_CFS_PERIODS] = 50,
		[CGROUP_CFS_THROTTLED_PERIODS] = 7,
		[CGROUP_CFS_THROTTLED_NS] = 123456000,
		[CGROUP_MEMORY_USAGE_BYTES] = 10620928,
		[CGROUP_MEMORY_WORKING_SET_BYTES] = 10620928 - 8724480,
		[CGROUP_MEMORY_RSS_BYTES] = 954368,
		[CGROUP_MEMORY_CACHE_BYTES] = 8925184,
		[CGROUP_MEMORY_INACTIVE_FILE_BYTES] = 8724480,
		[CGROUP_MEMORY_LIMIT_BYTES] = 67108864,
		[CGROUP_OOM_KILLS] = 3,
		[CGROUP_CPU_WAITING_NS] = 115348000,
		[CGROUP_CPU_STALLED_NS] = 108530000,
		[CGROUP_MEMORY_WAITING_NS] = 0,
		[CGROUP_MEMORY_STALLED_NS] = 0,
		[CGROUP_IO_WAITING_NS] = 6860000,
		[CGROUP_IO_STALLED_NS] = 6859000,
	};

	mount_hierarchies(host, 1 << CGROUP_UNIFIED);
	put(host, CGROUP_UNIFIED, "cpu.stat",
	    "usage_usec 22750\nuser_usec 17062\nsystem_usec 5687\nnice_usec 0\ncore_sched.force_idle_usec 0\n"
	    "nr_periods 50\nnr_throttled 7\nthrottled_usec 123456\nnr_bursts 0\nburst_usec 0\n");
	put(host, CGROUP_UNIFIED, "memory.current", "10620928\n");
	put(host, CGROUP_UNIFIED, "memory.stat",
	    "anon 954368\nfile 8925184\nkernel 500000\nfile_mapped 4911104\ninactive_anon 946176\n"
	    "active_anon 8192\ninactive_file 8724480\nactive_file 200704\n");
	put(host, CGROUP_UNIFIED, "memory.max", "67108864\n");
	put(host, CGROUP_UNIFIED, "memory.events",
	    "low 0\nhigh 0\nmax 17\noom 4\noom_kill 3\noom_group_kill 0\n");
	put(host, CGROUP_UNIFIED, "cpu.pressure",
	    "some avg10=0.90 avg60=0.16 avg300=0.03 total=115348\n"
	    "full avg10=0.72 avg60=0.13 avg300=0.02 total=108530\n");
	put(host, CGROUP_UNIFIED, "memory.pressure",
	    "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 "
	    "total=0\n");
	put(host, CGROUP_UNIFIED, "io.pressure",
	    "some avg10=0.00 avg60=0.00 avg300=0.00 total=6860\n"
	    "full avg10=0.00 avg60=0.00 avg300=0.00 total=6859\n");
	assert_figures(host, expected);
}

static const char v1_memory_stat[] =
	"cache 1\nrss 2\ninactive_file 3\nhierarchical_memory_limit 67108864\n"
	"total_cache 8925184\ntotal_rss 954368\ntotal_rss_huge 0\ntotal_inactive_file 8724480\n";

static void put_v1(const struct host *host)
{
	put(host, CGROUP_CPU, "cpu.stat",
	    "nr_periods 50\nnr_throttled 7\nthrottled_time 123456789\nnr_bursts 0\nburst_time 0\n");
	put(host, CGROUP_CPUACCT, "cpuacct.usage", "22694091\n");
	put(host, CGROUP_CPUACCT, "cpuacct.stat", "user 2\nsystem 1\n");
	put(host, CGROUP_MEMORY, "memory.usage_in_bytes", "10620928\n");
	put(host, CGROUP_MEMORY, "memory.stat", v1_memory_stat);
	put(host, CGROUP_MEMORY, "memory.limit_in_bytes", "9223372036854771712\n");
	put(host, CGROUP_MEMORY, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
}

static void v1_says_it_in_several(void **state)
{
	struct host *host = *state;
	uint64_t expected[CGROUP_FIGURES] = {
		[CGROUP_CPU_USAGE_NS] = 22694091,
		[CGROUP_CPU_USER_NS] = 20000000,
		[CGROUP_CPU_SYSTEM_NS] = 10000000,
		[CGROUP_CFS_PERIODS] = 50,
		[CGROUP_CFS_THROTTLED_PERIODS] = 7,
		[CGROUP_CFS_THROTTLED_NS] = 123456789,
		[CGROUP_MEMORY_USAGE_BYTES] = 10620928,
		[CGROUP_MEMORY_WORKING_SET_BYTES] = 10620928 - 8724480,
		[CGROUP_MEMORY_RSS_BYTES] = 954368,
		[CGROUP_MEMORY_CACHE_BYTES] = 8925184,
		[CGROUP_MEMORY_INACTIVE_FILE_BYTES] = 8724480,
		[CGROUP_MEMORY_LIMIT_BYTES] = 0,
		[CGROUP_OOM_KILLS] = 3,
	};

	for (unsigned i = CGROUP_CPU_WAITING_NS; i < CGROUP_FIGURES; i++)
		expected[i] = CGROUP_ABSENT;
	mount_hierarchies(host, 1 << CGROUP_CPU | 1 << CGROUP_CPUACCT | 1 << CGROUP_MEMORY);
	put_v1(host);
	assert_figures(host, expected);
}

static void a_hybrid_takes_cpu_time_from_v2_and_the_rest_from_v1(void **state)
{
	struct host *host = *state;
	struct cgroup_stats stats;

	mount_hierarchies(host, 0xf);
	put_v1(host);
	put(host, CGROUP_UNIFIED, "cpu.stat", "usage_usec 22750\nuser_usec 17062\nsystem_usec 5687\n");
	put(host, CGROUP_UNIFIED, "memory.current", "1\n"); /* of no such hybrid */
	cgroup_stats_read(&host->mounts, &host->paths, &stats);
	assert_int_equal(stats.figures[CGROUP_CPU_USAGE_NS], 22750000);
	assert_int_equal(stats.figures[CGROUP_CPU_SYSTEM_NS], 5687000);
	assert_int_equal(stats.figures[CGROUP_CFS_THROTTLED_NS], 123456789);
	assert_int_equal(stats.figures[CGROUP_MEMORY_USAGE_BYTES], 10620928);
}

static void no_limit_is_0(void **state)
{
	struct host *host = *state;
	struct cgroup_stats stats;

	mount_hierarchies(host, 1 << CGROUP_UNIFIED);
	put(host, CGROUP_UNIFIED, "memory.max", "max\n");
	cgroup_stats_read(&host->mounts, &host->paths, &stats);
	assert_int_equal(stats.figures[CGROUP_MEMORY_LIMIT_BYTES], 0);
}

static void a_cgroup_that_has_vanished_has_no_figures(void **state)
{
	struct host *host = *state;
	struct cgroup_stats stats;

	mount_hierarchies(host, 0xf);
	for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++)
		assert_int_equal(unlinkat(host->mounts.fds[i], "group", AT_REMOVEDIR), 0);
	cgroup_stats_read(&host->mounts, &host->paths, &stats);
	for (unsigned i = 0; i < CGROUP_FIGURES; i++)
		assert_int_equal(stats.figures[i], CGROUP_ABSENT);
}

static void a_working_set_is_never_negative(void **state)
{
	struct host *host = *state;
	struct cgroup_stats stats;

	mount_hierarchies(host, 1 << CGROUP_UNIFIED);
	put(host, CGROUP_UNIFIED, "memory.current", "4096\n");
	put(host, CGROUP_UNIFIED, "memory.stat", "inactive_file 8192\n");
	cgroup_stats_read(&host->mounts, &host->paths, &stats);
	assert_int_equal(stats.figures[CGROUP_MEMORY_WORKING_SET_BYTES], 0);
	put(host, CGROUP_UNIFIED, "memory.stat", "anon 8192\n");
	cgroup_stats_read(&host->mounts, &host->paths, &stats);
	assert_int_equal(stats.figures[CGROUP_MEMORY_WORKING_SET_BYTES], CGROUP_ABSENT);
}

/* The same content in every file. */
static void assert_nothing_in(struct host *host, const char *data, size_t len)
{
	static const char *const files[] = {
		"cpu.stat",
		"cpuacct.usage",
		"cpuacct.stat",
		"memory.current",
		"memory.stat",
		"memory.max",
		"memory.events",
		"memory.oom_control",
		"cpu.pressure",
		"memory.usage_in_bytes",
		"memory.limit_in_bytes",
		"memory.pressure",
		"io.pressure",
	};
	struct cgroup_stats stats;

	for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++)
		for (size_t j = 0; j < sizeof(files) / sizeof(*files); j++)
			put_bytes(host, i, files[j], data, len);
	cgroup_stats_read(&host->mounts, &host->paths, &stats);
	for (unsigned i = 0; i < CGROUP_FIGURES; i++)
		if (stats.figures[i] != CGROUP_ABSENT)
			fail_msg("%s is %llu in %.40s", figure_names[i], (unsigned long long)stats.figures[i],
				 data);
}

static void nonsense_has_no_figures(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		" ",
		"usage_usec",
		"usage_usec \n",
		"usage_usec -1\n",
		"usage_usec 12",
		"xusage_usec 1\n",
		"usage_usec 1x\n",
		"usage_usec 18446744073709551616\n",
		"usage_usec 18446744073709551615\n",
		"usage_usec 18446744073709552\n", /* fits, but not in nanoseconds */
		"some total=\n",
		"some avg10=0\nfull total=x\n",
		"some x\n total=5\n",
		"12",
		"0x12\n",
		"-5\n",
		"5 \n",
		"99999999999999999999\n",
		"maximal\n",
	};
	char *huge = malloc(1 << 20);

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (i == 0)
			mount_hierarchies(*state, 0xf);
		assert_nothing_in(*state, texts[i], strlen(texts[i]));
	}
	memset(huge, 'x', 1 << 20);
	assert_nothing_in(*state, huge, 1 << 20);
	memset(huge, '7', 1 << 20);
	assert_nothing_in(*state, huge, 1 << 20);
	memset(huge, '\n', 1 << 20);
	assert_nothing_in(*state, huge, 1 << 20);
	for (size_t i = 0; i < 1 << 20; i++)
		huge[i] = (char)(i * 2654435761U >> 13);
	assert_nothing_in(*state, huge, 1 << 20);
	free(huge);
}

static void what_stands_beyond_the_end_of_a_long_file_is_absent(void **state)
{
	struct host *host = *state;
	struct cgroup_stats stats;
	char *text = malloc(20000);
	size_t len = 0;

	mount_hierarchies(host, 1 << CGROUP_UNIFIED);
	len += sprintf(text, "anon 5\n");
	while (len < 8000)
		len += sprintf(text + len, "filler %zu\n", len);
	while (len < 20000 - 40)
		len += sprintf(text + len, "file 123456789\n");
	put(host, CGROUP_UNIFIED, "memory.stat", text);
	cgroup_stats_read(&host->mounts, &host->paths, &stats);
	assert_int_equal(stats.figures[CGROUP_MEMORY_RSS_BYTES], 5);
	assert_int_equal(stats.figures[CGROUP_MEMORY_CACHE_BYTES], 123456789);
	free(text);
}

static void a_number_is_found_by_its_whole_key(void **state)
{
	(void)state;
	assert_int_equal(cgroup_number("a 1\nab 2\nb 3\n", "ab", NULL), 2);
	assert_int_equal(cgroup_number("a 1\nab 2\nb 3\n", "b", NULL), 3);
	assert_int_equal(cgroup_number("a 1\n", "", NULL), CGROUP_ABSENT);
	assert_int_equal(cgroup_number("full total=2\nsome total=1\n", "full", "total="), 2);
	assert_int_equal(cgroup_number("18446744073709551614\n", NULL, NULL), 18446744073709551614ULL);
	assert_int_equal(cgroup_number("", NULL, NULL), CGROUP_ABSENT);
}

#define HOST_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(v2_says_all_in_one_directory),
		HOST_TEST(v1_says_it_in_several),
		HOST_TEST(a_hybrid_takes_cpu_time_from_v2_and_the_rest_from_v1),
		HOST_TEST(no_limit_is_0),
		HOST_TEST(a_cgroup_that_has_vanished_has_no_figures),
		HOST_TEST(a_working_set_is_never_negative),
		HOST_TEST(nonsense_has_no_figures),
		HOST_TEST(what_stands_beyond_the_end_of_a_long_file_is_absent),
		cmocka_unit_test(a_number_is_found_by_its_whole_key),
	};

	return cmocka_run_group_tests_name("cgroup_stats", tests, NULL, NULL);
}
