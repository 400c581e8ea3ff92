// SPDX-License-Identifier: Apache-2.0
// Finds V8's isolates and libuv's default loop in a process and checks that they look as this version has
// them. The ways in are variables that node exports, in stripped builds too: node::per_process::v8_platform
// leads to the NodePlatform and its map of isolates (src/node_platform.h, tags v18.20.8 to v24.21.0), and the
// machine code of uv_default_loop() to libuv's loop (src/uv-common.c, tags v1.44.2 to v1.52.1).
#include "nodejs.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "elf_symbols.h"
#include "file_facts.h"
#include "memory.h"
#include "nodejs_layout.h"
#include "proc.h"
#include "process_image.h"

#define FILES_MAX 256
#define WORKERS_MAX 256
#define VERSION_MAX 24
#define START_SECONDS 3  ///< of a process's life: what is not there then, may come
#define PLATFORM_WORDS 8 ///< of v8_platform: smart pointers and flags, of which one is the NodePlatform's
#define OBJECT_WORDS 64  ///< of the NodePlatform
#define ISOLATE_WORDS 24 ///< of PerIsolatePlatformData
#define CODE_SIZE 48     ///< of uv_default_loop()
#define LOAD_FACTOR 0x3f800000U ///< 1.0f, which std::unordered_map begins with

/* uv_loop_t is part of libuv's stable interface: its layout is that of all 1.x. */
#define LOOP_HANDLE_COUNT 0x08
#define LOOP_HANDLES 0x10 ///< {next, previous} of a circular list
#define LOOP_BACKEND_FD 0x40
#define LOOP_TIME 0x220
#define HANDLES_MAX (1 << 24)

/* As linked; 0 if the file has none. */
struct facts {
	uint64_t platform, platform_vtable;
	uint64_t v8_major, v8_minor;
	uint64_t metadata;
	uint64_t loop; ///< of the variable that has the default loop's address
	uint16_t machine;
};

struct nodejs {
	struct memory_counts *counts;
	struct file_facts *files;
};

struct nodejs_process {
	pid_t pid;
	struct proc_life life;
	char version[VERSION_MAX];
	const struct nodejs_layout *layout;
	uint64_t isolates; ///< address of the std::unordered_map
	uint64_t main_isolate;
	uint64_t heap; ///< offset in each of them
	uint64_t loop;
	int epoll_fd;
};

/* libstdc++'s std::unordered_map (bits/hashtable.h, _Hashtable) with pointers as keys. */
struct map {
	uint64_t buckets, bucket_count, first, count;
	uint32_t load_factor, padding;
};

struct map_node {
	uint64_t next, isolate, delegate, data;
};

struct nodejs *nodejs_new(struct memory_counts *counts)
{
	struct nodejs *nodejs = calloc(1, sizeof(*nodejs));

	if (!nodejs)
		return NULL;
	nodejs->counts = counts;
	nodejs->files = file_facts_new(FILES_MAX, sizeof(struct facts));
	if (nodejs->files)
		return nodejs;
	nodejs_free(nodejs);
	return NULL;
}

void nodejs_free(struct nodejs *nodejs)
{
	if (!nodejs)
		return;
	file_facts_free(nodejs->files);
	free(nodejs);
}

void nodejs_detach(struct nodejs_process *process)
{
	free(process);
}

const char *nodejs_version(const struct nodejs_process *process)
{
	return process->version;
}

struct nodejs_loop nodejs_loop(const struct nodejs_process *process)
{
	return (struct nodejs_loop){process->loop + LOOP_TIME, process->epoll_fd};
}

/* --- finding the variables --- */

/* Its first load relative to the instruction pointer is that of default_loop_ptr: REX.W 8B /r, mod 0, rm 5.
 */
static uint64_t loop_variable(const struct elf_file *file, uint64_t function)
{
	uint8_t code[CODE_SIZE];
	uint64_t offset;
	int32_t displacement;

	if (!function || file->machine != EM_X86_64 ||
	    !elf_file_offset(file, function, sizeof(code), &offset) ||
	    elf_file_read(file, offset, code, sizeof(code)))
		return 0;
	for (size_t i = 0; i + 7 <= sizeof(code); i++) {
		if ((code[i] & 0xfb) != 0x48 || code[i + 1] != 0x8b || (code[i + 2] & 0xc7) != 5)
			continue;
		memcpy(&displacement, code + i + 3, sizeof(displacement));
		return function + i + 7 + (int64_t)displacement;
	}
	return 0;
}

static struct facts facts_of(struct nodejs *nodejs, const struct process_image *image)
{
	static const char *const names[] = {
		"_ZN4node11per_process11v8_platformE", "_ZTVN4node12NodePlatformE",
		"_ZN2v88internal7Version6major_E",     "_ZN2v88internal7Version6minor_E",
		"_ZN4node11per_process8metadataE",     "uv_default_loop",
	};
	struct elf_symbol symbols[6];
	struct facts facts;

	if (file_facts_find(nodejs->files, &image->id, &facts))
		return facts;
	elf_symbols_find(&image->file, names, 6, symbols);
	memset(&facts, 0, sizeof(facts));
	facts.platform = symbols[0].address;
	facts.platform_vtable = symbols[1].address;
	facts.v8_major = symbols[2].address;
	facts.v8_minor = symbols[3].address;
	facts.metadata = symbols[4].address;
	facts.loop = loop_variable(&image->file, symbols[5].address);
	facts.machine = image->file.machine;
	file_facts_keep(nodejs->files, &image->id, &facts);
	return facts;
}

static bool is_libnode(const char *base_name)
{
	return !strncmp(base_name, "libnode.so", strlen("libnode.so"));
}

static bool is_libuv(const char *base_name)
{
	return !strncmp(base_name, "libuv.so", strlen("libuv.so"));
}

static bool is_final(int error)
{
	return error && error != -ENOENT && error != -ENOEXEC;
}

/* All of it raised by the load bias. */
static int find_node(struct nodejs *nodejs, pid_t pid, struct facts *ret_facts, const char **ret_reason)
{
	AUTO_PROCESS_IMAGE struct process_image image = PROCESS_IMAGE_NONE;
	struct facts facts = {0};
	int error = process_image_executable(pid, &image);

	if (is_final(error))
		return error;
	if (!error)
		facts = facts_of(nodejs, &image);
	if (!facts.platform) {
		process_image_close(&image);
		error = process_image_library(pid, is_libnode, &image);
		if (is_final(error))
			return error;
		if (!error)
			facts = facts_of(nodejs, &image);
	}
	*ret_reason = "neither the executable nor a libnode of it has node's symbols";
	if (!facts.platform || !facts.platform_vtable || !facts.v8_major || !facts.v8_minor ||
	    !facts.metadata)
		return -ENOTSUP;
	*ret_reason = "the layout of node is known for x86-64 only";
	if (facts.machine != EM_X86_64)
		return -ENOTSUP;
	facts.platform += image.bias;
	facts.platform_vtable += image.bias;
	facts.v8_major += image.bias;
	facts.v8_minor += image.bias;
	facts.metadata += image.bias;
	facts.loop += facts.loop ? image.bias : 0;
	*ret_facts = facts;
	return 0;
}

/* Distributions have libuv by itself. */
static int find_libuv(struct nodejs *nodejs, pid_t pid, struct facts *facts, const char **ret_reason)
{
	AUTO_PROCESS_IMAGE struct process_image image = PROCESS_IMAGE_NONE;
	int error;

	if (facts->loop)
		return 0;
	error = process_image_library(pid, is_libuv, &image);
	if (is_final(error))
		return error;
	if (!error)
		facts->loop = facts_of(nodejs, &image).loop;
	*ret_reason = "uv_default_loop() does not look as in the builds known";
	if (!facts->loop)
		return -ENOTSUP;
	facts->loop += image.bias;
	return 0;
}

/* --- the version --- */

/* metadata begins with its versions, of which the first is node's own: a std::string {text, len, …} (src/
 * node_metadata.h). */
static int read_version(struct nodejs *nodejs, struct nodejs_process *process, const struct facts *facts)
{
	uint64_t string[2];
	int error = memory_read(process->pid, facts->metadata, string, sizeof(string), nodejs->counts);

	if (error)
		return error;
	if (!string[0])
		return -EAGAIN;
	if (!string[1] || string[1] >= VERSION_MAX)
		return -EINVAL;
	error = memory_read(process->pid, string[0], process->version, string[1], nodejs->counts);
	if (!error && !isdigit((unsigned char)process->version[0]))
		return -EINVAL;
	for (const char *at = process->version; !error && *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr(".-+", *at))
			return -EINVAL;
	return error;
}

static int choose_layout(struct nodejs *nodejs, struct nodejs_process *process, const struct facts *facts,
			 const char **ret_reason)
{
	uint32_t major, minor;
	const struct memory_part parts[] = {
		{facts->v8_major, &major, sizeof(major)},
		{facts->v8_minor, &minor, sizeof(minor)},
	};
	int error = memory_read_parts(process->pid, parts, 2, nodejs->counts);

	if (!error)
		error = read_version(nodejs, process, facts);
	*ret_reason = "the version of node is not where it should be";
	if (error)
		return error;
	process->layout = nodejs_layout_find(major, minor);
	*ret_reason = "the layout of this version of V8 is not known: those of Node.js 18, 20, 22 and 24 are";
	return process->layout ? 0 : -ENOTSUP;
}

/* --- the loop --- */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_epoll(pid_t pid, int fd)
{
	char link[32], target[32];

	snprintf(link, sizeof(link), "fd/%d", fd);
	return proc_link(pid, link, target, sizeof(target)) > 0 && !strcmp(target, "anon_inode:[eventpoll]");
}

static int find_loop(struct nodejs *nodejs, struct nodejs_process *process, const struct facts *facts)
{
	uint64_t time_ms, handles[2], back;
	uint32_t handle_count;
	int error =
		memory_read(process->pid, facts->loop, &process->loop, sizeof(process->loop), nodejs->counts);

	if (error)
		return error;
	if (!process->loop)
		return -EAGAIN;
	error = memory_read_parts(process->pid,
				  (struct memory_part[]){
					  {process->loop + LOOP_HANDLE_COUNT, &handle_count, 4},
					  {process->loop + LOOP_HANDLES, handles, sizeof(handles)},
					  {process->loop + LOOP_BACKEND_FD, &process->epoll_fd, 4},
					  {process->loop + LOOP_TIME, &time_ms, sizeof(time_ms)},
				  },
				  4, nodejs->counts);
	if (error)
		return error;
	if (!handles[0])
		return -EAGAIN; /* not initialized yet */
	if (memory_read(process->pid, handles[1], &back, sizeof(back), nodejs->counts) ||
	    back != process->loop + LOOP_HANDLES || handle_count > HANDLES_MAX || time_ms > now_ms() + 1 ||
	    !is_epoll(process->pid, process->epoll_fd))
		return -EINVAL;
	return 0;
}

/* --- the isolates --- */

static int find_platform(struct nodejs *nodejs, pid_t pid, const struct facts *facts, uint64_t *ret_platform)
{
	uint64_t words[PLATFORM_WORDS], vtable;
	int error = memory_read(pid, facts->platform, words, sizeof(words), nodejs->counts);

	for (unsigned i = 0; !error && i < PLATFORM_WORDS; i++) {
		struct memory_counts guesses = {0};

		if (words[i] < 4096 || memory_read(pid, words[i], &vtable, sizeof(vtable), &guesses) ||
		    vtable != facts->platform_vtable + 16) /* behind the offset to top and the type */
			continue;
		*ret_platform = words[i];
		return 0;
	}
	return error ? error : -EAGAIN;
}

static bool is_map(const struct map *map)
{
	return map->load_factor == LOAD_FACTOR && map->buckets && map->bucket_count &&
	       map->bucket_count < 1 << 16 && map->first && map->count && map->count <= WORKERS_MAX + 1;
}

static int find_isolates(struct nodejs *nodejs, struct nodejs_process *process, uint64_t platform)
{
	uint64_t words[OBJECT_WORDS];
	int error = memory_read(process->pid, platform, words, sizeof(words), nodejs->counts);

	for (size_t i = 0; !error && i + sizeof(struct map) / 8 <= OBJECT_WORDS; i++) {
		struct map map;

		memcpy(&map, words + i, sizeof(map));
		if (!is_map(&map))
			continue;
		process->isolates = platform + i * 8;
		return 0;
	}
	return error ? error : -EAGAIN;
}

/* The one that has the default loop. PerIsolatePlatformData keeps {isolate, loop} side by side. */
static bool is_main(struct nodejs *nodejs, const struct nodejs_process *process, const struct map_node *node)
{
	uint64_t words[ISOLATE_WORDS];

	if (memory_read(process->pid, node->data, words, sizeof(words), nodejs->counts))
		return false;
	for (unsigned i = 0; i + 1 < ISOLATE_WORDS; i++)
		if (words[i] == node->isolate && words[i + 1] == process->loop)
			return true;
	return false;
}

static int read_isolates(struct nodejs *nodejs, const struct nodejs_process *process,
			 struct map_node ret_nodes[WORKERS_MAX + 1], size_t *ret_count)
{
	struct map map;
	uint64_t at;
	size_t count = 0;
	int error = memory_read(process->pid, process->isolates, &map, sizeof(map), nodejs->counts);

	if (error)
		return error;
	if (!is_map(&map))
		return -EINVAL;
	for (at = map.first; at && count < map.count; at = ret_nodes[count++].next) {
		error = memory_read(process->pid, at, &ret_nodes[count], sizeof(*ret_nodes), nodejs->counts);
		if (error)
			return error;
	}
	*ret_count = count;
	return count == map.count && !at ? 0 : -EINVAL;
}

static int find_main(struct nodejs *nodejs, struct nodejs_process *process)
{
	struct map_node nodes[WORKERS_MAX + 1];
	size_t count;
	int error = read_isolates(nodejs, process, nodes, &count);

	for (size_t i = 0; !error && i < count; i++) {
		if (!is_main(nodejs, process, &nodes[i]))
			continue;
		process->main_isolate = nodes[i].isolate;
		return nodejs_heap_find(process->pid, process->main_isolate, process->layout, nodejs->counts,
					&process->heap);
	}
	return error ? error : -EAGAIN;
}

static int find_all(struct nodejs *nodejs, struct nodejs_process *process, const char **ret_reason)
{
	struct facts facts;
	uint64_t platform;
	int error = find_node(nodejs, process->pid, &facts, ret_reason);

	if (!error)
		error = find_libuv(nodejs, process->pid, &facts, ret_reason);
	if (!error)
		error = choose_layout(nodejs, process, &facts, ret_reason);
	if (error)
		return error;
	*ret_reason = "libuv's loop does not look as in the versions known";
	error = find_loop(nodejs, process, &facts);
	if (error)
		return error;
	*ret_reason = "V8's heap does not look as this version has it";
	error = find_platform(nodejs, process->pid, &facts, &platform);
	if (!error)
		error = find_isolates(nodejs, process, platform);
	return error ? error : find_main(nodejs, process);
}

/* Libraries are not loaded yet, objects half made: it may still become what we know. */
static bool is_starting(const struct nodejs_process *process)
{
	struct timespec now; /* since boot, as the process's start */

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec <
	       process->life.started_ticks / (uint64_t)sysconf(_SC_CLK_TCK) + START_SECONDS;
}

int nodejs_attach(struct nodejs *nodejs, pid_t pid, struct nodejs_process **ret_process,
		  const char **ret_reason)
{
	AUTO_FREE struct nodejs_process *process = calloc(1, sizeof(*process));
	int error;

	if (!process)
		return -ENOMEM;
	process->pid = pid;
	error = proc_life(pid, &process->life);
	if (!error)
		error = find_all(nodejs, process, ret_reason);
	if ((error == -EINVAL || error == -EFAULT || error == -ENOTSUP) && is_starting(process))
		return -EAGAIN;
	if (error == -EINVAL || error == -EFAULT) {
		nodejs->counts->implausible++;
		return -ENOTSUP;
	}
	if (error)
		return error;
	*ret_process = TAKE_PTR(process);
	return 0;
}

/* --- reading --- */

static int read_heaps(struct nodejs *nodejs, const struct nodejs_process *process,
		      struct nodejs_reading *reading)
{
	struct map_node nodes[WORKERS_MAX + 1];
	bool has_main = false;
	size_t count;
	int error = read_isolates(nodejs, process, nodes, &count);

	for (size_t i = 0; !error && i < count; i++) {
		struct nodejs_heap heap;

		error = nodejs_heap_read(process->pid, nodes[i].isolate + process->heap, process->layout,
					 nodejs->counts, &heap);
		if (error)
			break;
		if (nodes[i].isolate == process->main_isolate) {
			reading->heap = heap;
			has_main = true;
			continue;
		}
		reading->workers++;
		reading->workers_heap.total_bytes += heap.total_bytes;
		reading->workers_heap.used_bytes += heap.used_bytes;
	}
	return error ? error : has_main ? 0 : -EINVAL;
}

int nodejs_read(struct nodejs *nodejs, struct nodejs_process *process, struct nodejs_reading *ret_reading)
{
	struct nodejs_reading reading;
	struct proc_life life;
	int error = -EINVAL;

	/* Collections move what we read. */
	for (int try = 0; try < 3 && (error == -EINVAL || error == -EFAULT); try++) {
		memset(&reading, 0, sizeof(reading));
		error = memory_read(process->pid, process->loop + LOOP_HANDLE_COUNT, &reading.active_handles,
				    sizeof(reading.active_handles), nodejs->counts);
		if (!error)
			error = read_heaps(nodejs, process, &reading);
	}
	/* Asked afterwards: still the same program, so it was that while it was read. */
	if (error == -ESRCH || proc_life(process->pid, &life) ||
	    life.started_ticks != process->life.started_ticks ||
	    life.stack_start != process->life.stack_start)
		return -ESRCH;
	if (error == -EINVAL)
		nodejs->counts->implausible++;
	if (error)
		return error == -EPERM ? error : -EAGAIN;
	*ret_reading = reading;
	return 0;
}
