// SPDX-License-Identifier: Apache-2.0
// Finds _PyRuntime in a process (the executable's, or its libpython's), checks that the garbage collector is
// where this version has it, and adds up what its interpreters counted.
#include "python.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "elf_symbols.h"
#include "file_facts.h"
#include "memory.h"
#include "proc.h"
#include "process_image.h"

#define FILES_MAX 256
#define INTERPRETERS_MAX 64
#define LAYOUTS_MAX 2
#define CHECKS 3             ///< tries, as the lists change under us
#define VERSION_TEXT_MAX 250 ///< Py_GetVersion's buffer (Python/getversion.c, 3.8 to 3.10)
#define VERSION_TEXT_STEP 16 ///< compilers align arrays of that size at least so
#define DATA_MAX (32 << 20)  ///< how much static data is searched for the version
#define DATA_PIECE (256 * 1024)

/* As linked; 0 if the file has none. */
struct facts {
	uint64_t runtime;
	uint64_t version;
	uint16_t machine;
};

struct stats {
	int64_t collections, collected, uncollectable;
};

struct interpreter {
	int64_t id;
	int64_t thread_count;
	struct stats stats[PYTHON_GENERATIONS];
};

struct python {
	struct memory_counts *counts;
	struct file_facts *files;
};

struct python_process {
	pid_t pid;
	struct proc_life life;
	uint64_t runtime;
	struct python_version version;
	struct python_layout layout;
	size_t interpreter_count;
	struct interpreter interpreters[INTERPRETERS_MAX]; ///< as last read
	struct stats ended[PYTHON_GENERATIONS];            ///< of interpreters that are no more
};

struct python *python_new(struct memory_counts *counts)
{
	struct python *python = calloc(1, sizeof(*python));

	if (!python)
		return NULL;
	python->counts = counts;
	python->files = file_facts_new(FILES_MAX, sizeof(struct facts));
	if (python->files)
		return python;
	python_free(python);
	return NULL;
}

void python_free(struct python *python)
{
	if (!python)
		return;
	file_facts_free(python->files);
	free(python);
}

void python_detach(struct python_process *process)
{
	free(process);
}

/* --- finding it --- */

static struct facts facts_of(struct python *python, const struct process_image *image)
{
	/* Both are exported: in .dynsym of stripped files, too. Py_Version came with 3.11. */
	static const char *const names[] = {"_PyRuntime", "Py_Version"};
	struct elf_symbol symbols[2];
	struct facts facts;

	if (file_facts_find(python->files, &image->id, &facts))
		return facts;
	elf_symbols_find(&image->file, names, 2, symbols);
	facts = (struct facts){symbols[0].address, symbols[1].address, image->file.machine};
	file_facts_keep(python->files, &image->id, &facts);
	return facts;
}

/* "libpython3.11.so.1.0"; not "libpython3.so", which only hands on. */
static bool is_libpython(const char *base_name)
{
	static const char prefix[] = "libpython3.";

	return !strncmp(base_name, prefix, strlen(prefix)) &&
	       isdigit((unsigned char)base_name[strlen(prefix)]);
}

/* The executable's comes first: where both have one, the dynamic linker binds to that. */
static int find_runtime(struct python *python, pid_t pid, struct process_image *ret_image,
			struct facts *ret_facts, const char **ret_reason)
{
	AUTO_PROCESS_IMAGE struct process_image image = PROCESS_IMAGE_NONE;
	int error = process_image_executable(pid, &image);

	if (error && error != -ENOENT && error != -ENOEXEC)
		return error;
	memset(ret_facts, 0, sizeof(*ret_facts));
	if (!error)
		*ret_facts = facts_of(python, &image);
	if (!ret_facts->runtime) {
		process_image_close(&image);
		error = process_image_library(pid, is_libpython, &image);
		if (error && error != -ENOENT && error != -ENOEXEC)
			return error;
		if (!error)
			*ret_facts = facts_of(python, &image);
	}
	if (!ret_facts->runtime) {
		*ret_reason = "neither the executable nor a libpython of it has the symbol _PyRuntime";
		return -ENOTSUP;
	}
	if (ret_facts->machine != EM_X86_64) {
		*ret_reason = "the layout of CPython is known for x86-64 only";
		return -ENOTSUP;
	}
	*ret_image = image;
	image = (struct process_image)PROCESS_IMAGE_NONE;
	return 0;
}

/* --- its version --- */

static bool search_piece(const char *piece, size_t len, struct python_version *ret_version)
{
	for (size_t at = 0; at < len; at += VERSION_TEXT_STEP)
		if (python_version_from_text(piece + at,
					     len - at < VERSION_TEXT_MAX ? len - at : VERSION_TEXT_MAX,
					     ret_version))
			return true;
	return false;
}

/* sys.version's text stands in a static buffer, which each interpreter fills at its start. */
static int search_data(struct python *python, pid_t pid, const struct process_image *image,
		       struct python_version *ret_version)
{
	AUTO_FREE char *piece = malloc(DATA_PIECE);
	uint64_t left = DATA_MAX;

	if (!piece)
		return -ENOMEM;
	for (unsigned i = 0; i < image->file.segment_count; i++) {
		const struct elf_segment *segment = &image->file.segments[i];
		uint64_t from =
			(segment->address + VERSION_TEXT_STEP - 1) & ~(uint64_t)(VERSION_TEXT_STEP - 1);
		uint64_t end = segment->address + segment->memory_size;

		/* The pieces overlap by a version's length. */
		for (uint64_t at = from; segment->writable && at < end && left;
		     at += DATA_PIECE - (VERSION_TEXT_MAX + 6)) {
			size_t len = end - at < DATA_PIECE ? end - at : DATA_PIECE;
			int error = memory_read(pid, at + image->bias, piece, len, python->counts);

			if (error == -ESRCH || error == -EPERM)
				return error;
			if (!error && search_piece(piece, len, ret_version))
				return 0;
			left -= len < left ? len : left;
		}
	}
	return -ENOENT;
}

static int find_version(struct python *python, pid_t pid, const struct process_image *image,
			const struct facts *facts, const uint64_t *words, struct python_version *ret_version)
{
	uint32_t hex;
	int error;

	if (python_version_from_debug(words, ret_version))
		return 0;
	if (facts->version) {
		error = memory_read(pid, facts->version + image->bias, &hex, sizeof(hex), python->counts);
		if (error)
			return error;
		return python_version_from_hex(hex, ret_version) ? 0 : -ENOENT;
	}
	return search_data(python, pid, image, ret_version);
}

/* --- checking the layout --- */

static uint64_t collector_base(const struct python_process *process, uint64_t interpreter)
{
	return process->layout.collector_in_runtime ? process->runtime : interpreter;
}

/* Each generation's head {next, prev, i32 threshold, i32 count} is a member of a circular list. The low two
 * bits of both pointers are flags. */
static int check_lists(struct python *python, const struct python_process *process, uint64_t base)
{
	uint64_t heads[PYTHON_GENERATIONS][3], around[PYTHON_GENERATIONS][2];
	struct memory_part parts[PYTHON_GENERATIONS * 2];
	uint64_t address = base + process->layout.generations;
	int error = memory_read(process->pid, address, heads, sizeof(heads), python->counts);

	if (error)
		return error;
	for (unsigned i = 0; i < PYTHON_GENERATIONS; i++) {
		if ((int32_t)heads[i][2] < 0)
			return -EINVAL;
		parts[2 * i] = (struct memory_part){(heads[i][0] & ~(uint64_t)3) + 8, &around[i][0], 8};
		parts[2 * i + 1] = (struct memory_part){heads[i][1] & ~(uint64_t)3, &around[i][1], 8};
	}
	error = memory_read_parts(process->pid, parts, PYTHON_GENERATIONS * 2, python->counts);
	if (error)
		return error == -EFAULT ? -EINVAL : error;
	for (uint64_t i = 0; i < PYTHON_GENERATIONS; i++)
		if ((around[i][0] & ~(uint64_t)3) != address + i * 24 ||
		    (around[i][1] & ~(uint64_t)3) != address + i * 24)
			return -EINVAL;
	return 0;
}

/* 0; -EAGAIN where there is no interpreter yet, or a collection has the lists in pieces; -EINVAL if the
 * collector is not where this layout has it. */
static int check_layout(struct python *python, const struct python_process *process)
{
	const struct python_layout *layout = &process->layout;
	uint64_t interpreter;
	int32_t collecting;
	int error = memory_read(process->pid, process->runtime + layout->interpreters, &interpreter,
				sizeof(interpreter), python->counts);

	if (error)
		return error;
	if (!interpreter)
		return -EAGAIN;
	for (int try = 0; try < CHECKS; try++) {
		uint64_t base = collector_base(process, interpreter);

		error = check_lists(python, process, base);
		if (error != -EINVAL && error != -EFAULT)
			return error;
		if (!memory_read(process->pid,
				 base + layout->stats + sizeof(struct stats) * PYTHON_GENERATIONS,
				 &collecting, sizeof(collecting), python->counts) &&
		    collecting == 1)
			return -EAGAIN;
	}
	return -EINVAL;
}

static int choose_layout(struct python *python, struct python_process *process, const uint64_t *words,
			 const char **ret_reason)
{
	struct python_layout layouts[LAYOUTS_MAX];
	size_t count = python_layouts(&process->version, words, layouts, LAYOUTS_MAX, ret_reason);
	int error = -EINVAL;

	if (!count)
		return -ENOTSUP;
	/* Each is tried: while a collection runs, one says -EAGAIN and the other nothing of use. */
	for (size_t i = 0; i < count; i++) {
		int outcome;

		process->layout = layouts[i];
		outcome = check_layout(python, process);
		if (outcome != -EINVAL && outcome != -EAGAIN)
			return outcome;
		if (outcome == -EAGAIN)
			error = outcome;
	}
	if (error == -EAGAIN)
		return error;
	python->counts->implausible++;
	*ret_reason = "the garbage collector is not where this version of CPython has it";
	return -ENOTSUP;
}

int python_attach(struct python *python, pid_t pid, struct python_process **ret_process,
		  const char **ret_reason)
{
	AUTO_PROCESS_IMAGE struct process_image image = PROCESS_IMAGE_NONE;
	AUTO_FREE struct python_process *process = calloc(1, sizeof(*process));
	uint64_t words[PYTHON_DEBUG_WORDS];
	struct facts facts;
	int error;

	if (!process)
		return -ENOMEM;
	process->pid = pid;
	error = proc_life(pid, &process->life);
	if (!error)
		error = find_runtime(python, pid, &image, &facts, ret_reason);
	if (error)
		return error;
	process->runtime = facts.runtime + image.bias;
	error = memory_read(pid, process->runtime, words, sizeof(words), python->counts);
	if (!error)
		error = find_version(python, pid, &image, &facts, words, &process->version);
	if (error == -EFAULT || error == -ENOENT) {
		*ret_reason = "the version of CPython is not where it should be";
		return -ENOTSUP;
	}
	if (!error)
		error = choose_layout(python, process, words, ret_reason);
	if (error)
		return error;
	*ret_process = TAKE_PTR(process);
	return 0;
}

/* --- reading it --- */

static int read_interpreter(struct python *python, const struct python_process *process, uint64_t address,
			    struct interpreter *ret_interpreter, uint64_t *ret_next)
{
	const struct python_layout *layout = &process->layout;
	const struct memory_part parts[] = {
		{address + layout->next, ret_next, sizeof(*ret_next)},
		{address + layout->id, &ret_interpreter->id, sizeof(ret_interpreter->id)},
		{address + layout->thread_count, &ret_interpreter->thread_count,
		 sizeof(ret_interpreter->thread_count)},
		{collector_base(process, address) + layout->stats, ret_interpreter->stats,
		 sizeof(ret_interpreter->stats)},
	};

	return memory_read_parts(process->pid, parts, 4, python->counts);
}

static bool is_plausible(const struct interpreter *interpreter)
{
	const int64_t limit = (int64_t)1 << 56;

	if (interpreter->id < 0 || interpreter->thread_count < 0 || interpreter->thread_count > 1 << 22)
		return false;
	for (unsigned i = 0; i < PYTHON_GENERATIONS; i++) {
		const struct stats *stats = &interpreter->stats[i];

		if (stats->collections < 0 || stats->collections > limit || stats->collected < 0 ||
		    stats->collected > limit || stats->uncollectable < 0 || stats->uncollectable > limit)
			return false;
	}
	return true;
}

/* The list of interpreters, twice its head: what ended in between may have been freed under us. */
static int read_interpreters(struct python *python, const struct python_process *process,
			     struct interpreter *ret_interpreters, size_t *ret_count)
{
	uint64_t head_address = process->runtime + process->layout.interpreters, head, again;
	size_t count = 0;
	int error = memory_read(process->pid, head_address, &head, sizeof(head), python->counts);

	for (uint64_t at = head; !error && at && count < INTERPRETERS_MAX; count++) {
		error = read_interpreter(python, process, at, &ret_interpreters[count], &at);
		if (!error && !is_plausible(&ret_interpreters[count]))
			error = -EINVAL;
		/* One collector serves all of them: it counts as the main interpreter's, which outlives them.
		 */
		if (process->layout.collector_in_runtime && ret_interpreters[count].id != 0)
			memset(ret_interpreters[count].stats, 0, sizeof(ret_interpreters[count].stats));
		if (!error && count + 1 == INTERPRETERS_MAX && at)
			error = -EINVAL;
	}
	if (!error)
		error = memory_read(process->pid, head_address, &again, sizeof(again), python->counts);
	if (error)
		return error;
	*ret_count = count;
	return head == again && count ? 0 : -EAGAIN;
}

static const struct interpreter *find_interpreter(const struct interpreter *interpreters, size_t count,
						  int64_t id)
{
	for (size_t i = 0; i < count; i++)
		if (interpreters[i].id == id)
			return &interpreters[i];
	return NULL;
}

/* Counters of interpreters that have ended, or began anew under their number, are kept: the sum never falls.
 */
static void keep_ended(struct python_process *process, const struct interpreter *now, size_t count)
{
	for (size_t i = 0; i < process->interpreter_count; i++) {
		const struct interpreter *before = &process->interpreters[i];
		const struct interpreter *after = find_interpreter(now, count, before->id);

		for (unsigned g = 0; g < PYTHON_GENERATIONS; g++) {
			if (after && after->stats[g].collections >= before->stats[g].collections)
				continue;
			process->ended[g].collections += before->stats[g].collections;
			process->ended[g].collected += before->stats[g].collected;
			process->ended[g].uncollectable += before->stats[g].uncollectable;
		}
	}
}

static void add_up(const struct python_process *process, struct python_reading *ret_reading)
{
	*ret_reading = (struct python_reading){.threads = 1};
	snprintf(ret_reading->version, sizeof(ret_reading->version), "3.%u.%u", process->version.minor & 0xff,
		 process->version.patch & 0xff);
	for (unsigned g = 0; g < PYTHON_GENERATIONS; g++) {
		ret_reading->collections[g] = (uint64_t)process->ended[g].collections;
		ret_reading->collected[g] = (uint64_t)process->ended[g].collected;
		ret_reading->uncollectable[g] = (uint64_t)process->ended[g].uncollectable;
	}
	for (size_t i = 0; i < process->interpreter_count; i++) {
		const struct interpreter *interpreter = &process->interpreters[i];

		ret_reading->threads += (unsigned)interpreter->thread_count;
		for (unsigned g = 0; g < PYTHON_GENERATIONS; g++) {
			ret_reading->collections[g] += (uint64_t)interpreter->stats[g].collections;
			ret_reading->collected[g] += (uint64_t)interpreter->stats[g].collected;
			ret_reading->uncollectable[g] += (uint64_t)interpreter->stats[g].uncollectable;
		}
	}
}

int python_read(struct python *python, struct python_process *process, struct python_reading *ret_reading)
{
	struct interpreter interpreters[INTERPRETERS_MAX];
	struct proc_life life;
	size_t count = 0;
	int error = read_interpreters(python, process, interpreters, &count);

	/* Asked afterwards: still the same program, so it was that while it was read. */
	if (error == -ESRCH || proc_life(process->pid, &life) ||
	    life.started_ticks != process->life.started_ticks ||
	    life.stack_start != process->life.stack_start)
		return -ESRCH;
	if (error == -EINVAL)
		python->counts->implausible++;
	if (error)
		return error == -EPERM ? error : -EAGAIN;
	keep_ended(process, interpreters, count);
	memcpy(process->interpreters, interpreters, count * sizeof(*interpreters));
	process->interpreter_count = count;
	add_up(process, ret_reading);
	ret_reading->os_threads = life.threads;
	return 0;
}
