// SPDX-License-Identifier: Apache-2.0
// Finds _PyRuntime in a process (the executable's, or its libpython's), which version it is, and checks that
// the garbage collector is where that version has it. python.c reads there.
#include "python_find.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "elf_symbols.h"
#include "file_facts.h"
#include "memory.h"
#include "process_image.h"

#define LAYOUTS_MAX 2
#define CHECKS 3             ///< tries, as the lists change under us
#define VERSION_TEXT_MAX 250 ///< Py_GetVersion's buffer (Python/getversion.c, 3.8 to 3.10)
#define VERSION_TEXT_STEP 16 ///< compilers align arrays of that size at least so
#define DATA_MAX (32 << 20)  ///< how much static data is searched for the version
#define DATA_PIECE (256 * 1024)

static struct python_facts facts_of(const struct python_finder *finder, const struct process_image *image)
{
	/* Both are exported: in .dynsym of stripped files, too. Py_Version came with 3.11. */
	static const char *const names[] = {"_PyRuntime", "Py_Version"};
	struct elf_symbol symbols[2];
	struct python_facts facts;

	if (file_facts_find(finder->files, &image->id, &facts))
		return facts;
	elf_symbols_find(&image->file, names, 2, symbols);
	facts = (struct python_facts){symbols[0].address, symbols[1].address, image->file.machine};
	file_facts_keep(finder->files, &image->id, &facts);
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
static int find_runtime(const struct python_finder *finder, struct process_image *ret_image,
			struct python_facts *ret_facts, const char **ret_reason)
{
	AUTO_PROCESS_IMAGE struct process_image image = PROCESS_IMAGE_NONE;
	int error = process_image_executable(finder->pid, &image);

	if (error && error != -ENOENT && error != -ENOEXEC)
		return error;
	memset(ret_facts, 0, sizeof(*ret_facts));
	if (!error)
		*ret_facts = facts_of(finder, &image);
	if (!ret_facts->runtime) {
		process_image_close(&image);
		error = process_image_library(finder->pid, is_libpython, &image);
		if (error && error != -ENOENT && error != -ENOEXEC)
			return error;
		if (!error)
			*ret_facts = facts_of(finder, &image);
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
static int search_data(const struct python_finder *finder, const struct process_image *image,
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
			int error = memory_read(finder->pid, at + image->bias, piece, len, finder->counts);

			if (error == -ESRCH || error == -EPERM)
				return error;
			if (!error && search_piece(piece, len, ret_version))
				return 0;
			left -= len < left ? len : left;
		}
	}
	return -ENOENT;
}

static int find_version(const struct python_finder *finder, const struct process_image *image,
			const struct python_facts *facts, const uint64_t *words,
			struct python_version *ret_version)
{
	uint32_t hex;
	int error;

	if (python_version_from_debug(words, ret_version))
		return 0;
	if (facts->version) {
		error = memory_read(finder->pid, facts->version + image->bias, &hex, sizeof(hex),
				    finder->counts);
		if (error)
			return error;
		return python_version_from_hex(hex, ret_version) ? 0 : -ENOENT;
	}
	return search_data(finder, image, ret_version);
}

/* --- checking the layout --- */

uint64_t python_collector(const struct python_place *place, uint64_t interpreter)
{
	return place->layout.collector_in_runtime ? place->runtime : interpreter;
}

/* Each generation's head {next, prev, i32 threshold, i32 count} is a member of a circular list. The low two
 * bits of both pointers are flags. */
static int check_lists(const struct python_finder *finder, const struct python_place *place, uint64_t base)
{
	uint64_t heads[PYTHON_GENERATIONS][3], around[PYTHON_GENERATIONS][2];
	struct memory_part parts[PYTHON_GENERATIONS * 2];
	uint64_t address = base + place->layout.generations;
	int error = memory_read(finder->pid, address, heads, sizeof(heads), finder->counts);

	if (error)
		return error;
	for (unsigned i = 0; i < PYTHON_GENERATIONS; i++) {
		if ((int32_t)heads[i][2] < 0)
			return -EINVAL;
		parts[2 * i] = (struct memory_part){(heads[i][0] & ~(uint64_t)3) + 8, &around[i][0], 8};
		parts[2 * i + 1] = (struct memory_part){heads[i][1] & ~(uint64_t)3, &around[i][1], 8};
	}
	error = memory_read_parts(finder->pid, parts, PYTHON_GENERATIONS * 2, finder->counts);
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
static int check_layout(const struct python_finder *finder, const struct python_place *place)
{
	const struct python_layout *layout = &place->layout;
	uint64_t interpreter;
	int32_t collecting;
	int error = memory_read(finder->pid, place->runtime + layout->interpreters, &interpreter,
				sizeof(interpreter), finder->counts);

	if (error)
		return error;
	if (!interpreter)
		return -EAGAIN;
	for (int try = 0; try < CHECKS; try++) {
		uint64_t base = python_collector(place, interpreter);

		error = check_lists(finder, place, base);
		if (error != -EINVAL && error != -EFAULT)
			return error;
		if (!memory_read(finder->pid, base + layout->stats + PYTHON_STATS_SIZE, &collecting,
				 sizeof(collecting), finder->counts) &&
		    collecting == 1)
			return -EAGAIN;
	}
	return -EINVAL;
}

static int choose_layout(const struct python_finder *finder, struct python_place *place,
			 const uint64_t *words, const char **ret_reason)
{
	struct python_layout layouts[LAYOUTS_MAX];
	size_t count = python_layouts(&place->version, words, layouts, LAYOUTS_MAX, ret_reason);
	int error = -EINVAL;

	if (!count)
		return -ENOTSUP;
	/* Each is tried: while a collection runs, one says -EAGAIN and the other nothing of use. */
	for (size_t i = 0; i < count; i++) {
		int outcome;

		place->layout = layouts[i];
		outcome = check_layout(finder, place);
		if (outcome != -EINVAL && outcome != -EAGAIN)
			return outcome;
		if (outcome == -EAGAIN)
			error = outcome;
	}
	if (error == -EAGAIN)
		return error;
	finder->counts->implausible++;
	*ret_reason = "the garbage collector is not where this version of CPython has it";
	return -ENOTSUP;
}

int python_find(const struct python_finder *finder, struct python_place *ret_place, const char **ret_reason)
{
	AUTO_PROCESS_IMAGE struct process_image image = PROCESS_IMAGE_NONE;
	uint64_t words[PYTHON_DEBUG_WORDS];
	struct python_place place = {0};
	struct python_facts facts;
	int error = find_runtime(finder, &image, &facts, ret_reason);

	if (error)
		return error;
	place.runtime = facts.runtime + image.bias;
	error = memory_read(finder->pid, place.runtime, words, sizeof(words), finder->counts);
	if (!error)
		error = find_version(finder, &image, &facts, words, &place.version);
	if (error == -EFAULT || error == -ENOENT) {
		*ret_reason = "the version of CPython is not where it should be";
		return -ENOTSUP;
	}
	if (!error)
		error = choose_layout(finder, &place, words, ret_reason);
	if (!error)
		*ret_place = place;
	return error;
}
