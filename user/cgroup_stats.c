// SPDX-License-Identifier: Apache-2.0
// One table says which figure stands where; v1 and v2 differ in nothing else.
#include "cgroup_stats.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cgroup_mounts.h"
#include "cleanup.h"

/* The longest, memory.stat, has 1 to 2 KiB. What stands beyond is absent. */
#define FILE_MAX 8192

/* v1 says "no limit" with the largest number of whole pages; cAdvisor draws the line here. */
#define LIMIT_MAX (1ULL << 62)

#define LINES_MAX 6

struct source {
	enum cgroup_hierarchy in;
	enum cgroup_hierarchy unless; ///< not read where the cgroup has a directory in this one
	const char *file;
	struct {
		const char *key;  ///< NULL: the file is one number
		const char *word; ///< in the key's line; NULL: right behind the key
		enum cgroup_figure figure;
		unsigned scale; ///< 0 ends the list
	} lines[LINES_MAX];
};

#define NEVER CGROUP_HIERARCHIES

/* Nanoseconds in the units of the files. v1's cpuacct.stat is in ticks of USER_HZ, a constant of 100. */
#define NS 1
#define US 1000
#define TICK 10000000

#define PRESSURE(name, waiting, stalled)                                                    \
	{                                                                                   \
		CGROUP_UNIFIED, NEVER, name,                                                \
		{                                                                           \
			{"some", " total=", waiting, US}, {"full", " total=", stalled, US}, \
		}                                                                           \
	}

/* CPU time comes from v2 wherever it can: there it needs no controller, and is finer than in ticks. */
static const struct source sources[] = {
	{CGROUP_UNIFIED,
	 NEVER,
	 "cpu.stat",
	 {{"usage_usec", NULL, CGROUP_CPU_USAGE_NS, US},
	  {"user_usec", NULL, CGROUP_CPU_USER_NS, US},
	  {"system_usec", NULL, CGROUP_CPU_SYSTEM_NS, US},
	  {"nr_periods", NULL, CGROUP_CFS_PERIODS, 1},
	  {"nr_throttled", NULL, CGROUP_CFS_THROTTLED_PERIODS, 1},
	  {"throttled_usec", NULL, CGROUP_CFS_THROTTLED_NS, US}}},
	{CGROUP_CPU,
	 NEVER,
	 "cpu.stat",
	 {{"nr_periods", NULL, CGROUP_CFS_PERIODS, 1},
	  {"nr_throttled", NULL, CGROUP_CFS_THROTTLED_PERIODS, 1},
	  {"throttled_time", NULL, CGROUP_CFS_THROTTLED_NS, NS}}},
	{CGROUP_CPUACCT, CGROUP_UNIFIED, "cpuacct.usage", {{NULL, NULL, CGROUP_CPU_USAGE_NS, NS}}},
	{CGROUP_CPUACCT,
	 CGROUP_UNIFIED,
	 "cpuacct.stat",
	 {{"user", NULL, CGROUP_CPU_USER_NS, TICK}, {"system", NULL, CGROUP_CPU_SYSTEM_NS, TICK}}},

	{CGROUP_UNIFIED, CGROUP_MEMORY, "memory.current", {{NULL, NULL, CGROUP_MEMORY_USAGE_BYTES, 1}}},
	{CGROUP_UNIFIED,
	 CGROUP_MEMORY,
	 "memory.stat",
	 {{"anon", NULL, CGROUP_MEMORY_RSS_BYTES, 1},
	  {"file", NULL, CGROUP_MEMORY_CACHE_BYTES, 1},
	  {"inactive_file", NULL, CGROUP_MEMORY_INACTIVE_FILE_BYTES, 1}}},
	{CGROUP_UNIFIED, CGROUP_MEMORY, "memory.max", {{NULL, NULL, CGROUP_MEMORY_LIMIT_BYTES, 1}}},
	{CGROUP_UNIFIED, CGROUP_MEMORY, "memory.events", {{"oom_kill", NULL, CGROUP_OOM_KILLS, 1}}},

	{CGROUP_MEMORY, NEVER, "memory.usage_in_bytes", {{NULL, NULL, CGROUP_MEMORY_USAGE_BYTES, 1}}},
	{CGROUP_MEMORY,
	 NEVER,
	 "memory.stat",
	 {{"total_rss", NULL, CGROUP_MEMORY_RSS_BYTES, 1},
	  {"total_cache", NULL, CGROUP_MEMORY_CACHE_BYTES, 1},
	  {"total_inactive_file", NULL, CGROUP_MEMORY_INACTIVE_FILE_BYTES, 1}}},
	{CGROUP_MEMORY, NEVER, "memory.limit_in_bytes", {{NULL, NULL, CGROUP_MEMORY_LIMIT_BYTES, 1}}},
	{CGROUP_MEMORY, NEVER, "memory.oom_control", {{"oom_kill", NULL, CGROUP_OOM_KILLS, 1}}},

	PRESSURE("cpu.pressure", CGROUP_CPU_WAITING_NS, CGROUP_CPU_STALLED_NS),
	PRESSURE("memory.pressure", CGROUP_MEMORY_WAITING_NS, CGROUP_MEMORY_STALLED_NS),
	PRESSURE("io.pressure", CGROUP_IO_WAITING_NS, CGROUP_IO_STALLED_NS),
};

/* Digits up to the line's end. The kernel ends each line, so that a number without an end was cut off. */
static uint64_t number_at(const char *text)
{
	uint64_t number = 0;

	if (*text == '\n')
		return CGROUP_ABSENT;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *text - '0', &number))
			return CGROUP_ABSENT;
	return *text == '\n' ? number : CGROUP_ABSENT;
}

/* Behind "KEY " at the beginning of a line; NULL if there is none. */
static const char *find_line(const char *text, const char *key)
{
	size_t len = strlen(key);

	while (strncmp(text, key, len) != 0 || text[len] != ' ') {
		text = strchr(text, '\n');
		if (!text)
			return NULL;
		text++;
	}
	return text + len + 1;
}

uint64_t cgroup_number(const char *text, const char *key, const char *word)
{
	const char *found;

	if (!key)
		return number_at(text);
	text = find_line(text, key);
	if (!text || !word)
		return text ? number_at(text) : CGROUP_ABSENT;
	found = strstr(text, word);
	return found && found < strchrnul(text, '\n') ? number_at(found + strlen(word)) : CGROUP_ABSENT;
}

/* Of a file in the cgroup's directory; false if it is not there, or refuses (a cgroup that has just gone). */
static bool read_file(int root_fd, const char *directory, const char *file, char text[FILE_MAX])
{
	AUTO_CLOSE int fd = -1;
	char path[4096 + 64];
	size_t directory_len = strlen(directory), file_len = strlen(file);
	ssize_t len;

	if (directory_len + 1 + file_len >= sizeof(path))
		return false;
	memcpy(path, directory, directory_len);
	path[directory_len] = '/';
	memcpy(path + directory_len + 1, file, file_len + 1);
	fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	/* The kernel makes all of such a file at the first read. */
	len = fd < 0 ? -1 : read(fd, text, FILE_MAX - 1);
	if (len <= 0)
		return false;
	text[len] = '\0';
	return true;
}

static void take(const struct source *source, const char *text, struct cgroup_stats *stats)
{
	for (unsigned i = 0; i < LINES_MAX && source->lines[i].scale; i++) {
		uint64_t number = cgroup_number(text, source->lines[i].key, source->lines[i].word);

		if (number == CGROUP_ABSENT ||
		    __builtin_mul_overflow(number, source->lines[i].scale, &number))
			continue;
		stats->figures[source->lines[i].figure] = number;
	}
	if (source->lines[0].figure == CGROUP_MEMORY_LIMIT_BYTES &&
	    (!strcmp(text, "max\n") || (stats->figures[CGROUP_MEMORY_LIMIT_BYTES] > LIMIT_MAX &&
					stats->figures[CGROUP_MEMORY_LIMIT_BYTES] != CGROUP_ABSENT)))
		stats->figures[CGROUP_MEMORY_LIMIT_BYTES] = 0;
}

static void add_working_set(struct cgroup_stats *stats)
{
	uint64_t usage = stats->figures[CGROUP_MEMORY_USAGE_BYTES];
	uint64_t inactive = stats->figures[CGROUP_MEMORY_INACTIVE_FILE_BYTES];

	if (usage != CGROUP_ABSENT && inactive != CGROUP_ABSENT)
		stats->figures[CGROUP_MEMORY_WORKING_SET_BYTES] = usage > inactive ? usage - inactive : 0;
}

void cgroup_stats_read(const struct cgroup_mounts *mounts, const struct cgroup_paths *paths,
		       struct cgroup_stats *ret_stats)
{
	char text[FILE_MAX];

	for (unsigned i = 0; i < CGROUP_FIGURES; i++)
		ret_stats->figures[i] = CGROUP_ABSENT;
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		const struct source *source = &sources[i];
		const char *directory = paths->paths[source->in];

		if (!directory || mounts->fds[source->in] < 0)
			continue;
		if (source->unless != NEVER && paths->paths[source->unless] &&
		    mounts->fds[source->unless] >= 0)
			continue;
		if (read_file(mounts->fds[source->in], directory, source->file, text))
			take(source, text, ret_stats);
	}
	add_working_set(ret_stats);
}
