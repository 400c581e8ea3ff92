// SPDX-License-Identifier: Apache-2.0
// Follows node's platform to the map that it keeps of V8's isolates (src/node_platform.h, tags v18.20.8 to
// v24.21.0), whose heaps nodejs_heap.c reads.
#include "nodejs_isolates.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "memory.h"

#define PLATFORM_WORDS 8 ///< of v8_platform: smart pointers and flags, of which one is the NodePlatform's
#define OBJECT_WORDS 64  ///< of the NodePlatform
#define ISOLATE_WORDS 24 ///< of PerIsolatePlatformData
#define LOAD_FACTOR 0x3f800000U ///< 1.0f, which std::unordered_map begins with

/* libstdc++'s std::unordered_map (bits/hashtable.h, _Hashtable) with pointers as keys. */
struct map {
	uint64_t buckets, bucket_count, first, count;
	uint32_t load_factor, padding;
};

struct map_node {
	uint64_t next, isolate, delegate, data;
};

static int find_platform(pid_t pid, uint64_t variable, uint64_t vtable, struct memory_counts *counts,
			 uint64_t *ret_platform)
{
	uint64_t words[PLATFORM_WORDS], first;
	int error = memory_read(pid, variable, words, sizeof(words), counts);

	for (unsigned i = 0; !error && i < PLATFORM_WORDS; i++) {
		struct memory_counts guesses = {0};

		if (words[i] < 4096 || memory_read(pid, words[i], &first, sizeof(first), &guesses) ||
		    first != vtable + 16) /* behind the offset to top and the type */
			continue;
		*ret_platform = words[i];
		return 0;
	}
	return error ? error : -EAGAIN;
}

static bool is_map(const struct map *map)
{
	return map->load_factor == LOAD_FACTOR && map->buckets && map->bucket_count &&
	       map->bucket_count < 1 << 16 && map->first && map->count && map->count <= NODEJS_ISOLATES_MAX;
}

int nodejs_isolates_find(pid_t pid, uint64_t variable, uint64_t vtable, struct memory_counts *counts,
			 uint64_t *ret_isolates)
{
	uint64_t words[OBJECT_WORDS], platform;
	int error = find_platform(pid, variable, vtable, counts, &platform);

	if (!error)
		error = memory_read(pid, platform, words, sizeof(words), counts);
	for (size_t i = 0; !error && i + sizeof(struct map) / 8 <= OBJECT_WORDS; i++) {
		struct map map;

		memcpy(&map, words + i, sizeof(map));
		if (!is_map(&map))
			continue;
		*ret_isolates = platform + i * 8;
		return 0;
	}
	return error ? error : -EAGAIN;
}

int nodejs_isolates_read(pid_t pid, uint64_t isolates, struct memory_counts *counts,
			 struct nodejs_isolate ret_isolates[NODEJS_ISOLATES_MAX], size_t *ret_count)
{
	struct map_node node;
	struct map map;
	uint64_t at;
	size_t count = 0;
	int error = memory_read(pid, isolates, &map, sizeof(map), counts);

	if (error)
		return error;
	if (!is_map(&map))
		return -EINVAL;
	for (at = map.first; at && count < map.count; at = node.next) {
		error = memory_read(pid, at, &node, sizeof(node), counts);
		if (error)
			return error;
		ret_isolates[count++] = (struct nodejs_isolate){node.isolate, node.data};
	}
	*ret_count = count;
	return count == map.count && !at ? 0 : -EINVAL;
}

/* PerIsolatePlatformData keeps {isolate, loop} side by side. */
static bool has_loop(pid_t pid, const struct nodejs_isolate *isolate, uint64_t loop,
		     struct memory_counts *counts)
{
	uint64_t words[ISOLATE_WORDS];

	if (memory_read(pid, isolate->data, words, sizeof(words), counts))
		return false;
	for (unsigned i = 0; i + 1 < ISOLATE_WORDS; i++)
		if (words[i] == isolate->address && words[i + 1] == loop)
			return true;
	return false;
}

int nodejs_isolates_find_main(pid_t pid, uint64_t isolates, uint64_t loop, struct memory_counts *counts,
			      uint64_t *ret_isolate)
{
	struct nodejs_isolate found[NODEJS_ISOLATES_MAX];
	size_t count;
	int error = nodejs_isolates_read(pid, isolates, counts, found, &count);

	for (size_t i = 0; !error && i < count; i++) {
		if (!has_loop(pid, &found[i], loop, counts))
			continue;
		*ret_isolate = found[i].address;
		return 0;
	}
	return error ? error : -EAGAIN;
}
