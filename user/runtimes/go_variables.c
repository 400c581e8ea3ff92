// SPDX-License-Identifier: Apache-2.0
// A stripped Go executable has no symbols of variables, but its function table has the functions, and x86-64
// code names a variable by its distance from the next instruction. No disassembler is needed: every four
// bytes behind what looks like such an operand are one candidate more, and live content decides. go.c reads
// the variables.
#include "go_variables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "elf_symbols.h"
#include "go_functions.h"
#include "go_layout.h"
#include "memory.h"
#include "process_image.h"

#define CANDIDATES_MAX 1024
#define CHECKS 3 ///< tries, as the variables change under us
#define PROCESSORS_MAX 4096
#define GOROUTINES_MAX ((uint64_t)1 << 32)
#define MODULE_SEARCH_MAX (256 << 20)
#define PIECE (1 << 20)
#define PAGE_SIZE 8192 ///< of Go's heap
#define YEAR_2020_NS 1577836800000000000ull

enum function { SCHEDINIT, ALLGADD, PROCRESIZE, GCINIT, MARK_TERMINATION, FUNCTIONS };

static const char *const function_names[FUNCTIONS] = {
	[SCHEDINIT] = "runtime.schedinit",
	[ALLGADD] = "runtime.allgadd",
	[PROCRESIZE] = "runtime.procresize",
	[GCINIT] = "runtime.gcinit",
	[MARK_TERMINATION] = "runtime.gcMarkTermination",
};

struct search {
	pid_t pid;
	const struct process_image *image;
	const struct go_layout *layout;
	struct memory_counts *counts;
	uint64_t text; ///< as linked: where functions are counted from
	struct go_function functions[FUNCTIONS];
};

struct code {
	uint8_t *bytes;
	uint32_t len;
	uint64_t address; ///< as linked
};

struct candidates {
	size_t count;
	uint64_t at[CANDIDATES_MAX];
};

bool go_variables_by_symbol(const struct process_image *image, struct go_variables *ret_variables)
{
	static const char *const names[] = {"runtime.allglen", "runtime.allp", "runtime.sched",
					    "runtime.memstats", "runtime.gcController"};
	struct elf_symbol symbols[5];

	if (elf_symbols_find(&image->file, names, 5, symbols) != 5)
		return false;
	*ret_variables = (struct go_variables){symbols[0].address, symbols[1].address, symbols[2].address,
					       symbols[3].address, symbols[4].address};
	return true;
}

static bool read_live(const struct search *search, uint64_t linked, void *ret, size_t len)
{
	return !memory_read(search->pid, linked + search->image->bias, ret, len, search->counts);
}

/* --- where Go's code begins --- */

/* moduledata (src/runtime/symtab.go): the first word is the function table's address, the 20th and the 22nd
 * are minpc and text, equal in every program since 1.18. The table itself says text only until 1.25. */
static bool find_text_in(const uint64_t *words, size_t count, uint64_t table, uint64_t *ret_text)
{
	for (size_t i = 0; i + 22 < count; i++)
		if (words[i] == table && words[i + 22] && words[i + 20] == words[i + 22]) {
			*ret_text = words[i + 22];
			return true;
		}
	return false;
}

static bool find_text(const struct search *search, uint64_t table_address, uint64_t *ret_text)
{
	const struct process_image *image = search->image;
	AUTO_FREE uint64_t *piece = malloc(PIECE);
	uint64_t left = MODULE_SEARCH_MAX;

	if (!piece)
		return false;
	for (unsigned i = 0; i < image->file.segment_count; i++) {
		const struct elf_segment *segment = &image->file.segments[i];
		uint64_t at = (segment->address + 7) & ~(uint64_t)7,
			 end = segment->address + segment->file_size;

		if (!segment->writable)
			continue;
		/* Pieces overlap by the 23 words that belong together. */
		for (; at < end && end - at >= 8 && left; at += PIECE - 22 * 8) {
			size_t len = end - at < PIECE ? (end - at) & ~(uint64_t)7 : PIECE;

			if (read_live(search, at, piece, len) &&
			    find_text_in(piece, len / 8, table_address + image->bias, ret_text)) {
				*ret_text -= image->bias;
				return true;
			}
			left -= len < left ? len : left;
		}
	}
	return false;
}

/* --- what the code refers to --- */

static bool load_code(const struct search *search, enum function function, struct code *ret_code)
{
	const struct go_function *found = &search->functions[function];
	uint64_t address = search->text + found->offset, offset;
	uint8_t *bytes;

	if (!found->size_bytes ||
	    !elf_file_offset(&search->image->file, address, found->size_bytes, &offset) ||
	    elf_file_load(&search->image->file, offset, found->size_bytes, &bytes))
		return false;
	*ret_code = (struct code){bytes, found->size_bytes, address};
	return true;
}

static bool is_writable(const struct elf_file *file, uint64_t address)
{
	for (unsigned i = 0; i < file->segment_count; i++)
		if (file->segments[i].writable && address >= file->segments[i].address &&
		    address - file->segments[i].address < file->segments[i].memory_size)
			return true;
	return false;
}

static void add_candidate(struct candidates *candidates, uint64_t address)
{
	for (size_t i = 0; i < candidates->count; i++)
		if (candidates->at[i] == address)
			return;
	if (candidates->count < CANDIDATES_MAX)
		candidates->at[candidates->count++] = address;
}

static uint64_t target_of(const struct code *code, uint32_t at, uint32_t immediate)
{
	int32_t distance;

	memcpy(&distance, code->bytes + at, sizeof(distance));
	return code->address + at + 4 + immediate + (uint64_t)(int64_t)distance;
}

/* ModRM with mod 0 and r/m 5 is followed by the distance, that by an immediate of 0, 1 or 4 bytes (Intel SDM
 * volume 2, 2.2.1.6). */
static bool find_candidates(const struct search *search, enum function function,
			    struct candidates *ret_candidates)
{
	static const uint32_t immediates[] = {0, 1, 4};
	struct code code;

	ret_candidates->count = 0;
	if (!load_code(search, function, &code))
		return false;
	for (uint32_t at = 1; at + 4 <= code.len; at++) {
		if ((code.bytes[at - 1] & 0xc7) != 5)
			continue;
		for (unsigned i = 0; i < 3; i++) {
			uint64_t target = target_of(&code, at, immediates[i]);

			if (is_writable(&search->image->file, target))
				add_candidate(ret_candidates, target);
		}
	}
	free(code.bytes);
	return ret_candidates->count > 0;
}

/* --- what each of them must hold --- */

static bool is_sched(const struct search *search, uint64_t address)
{
	const struct go_layout *layout = search->layout;
	int32_t max_threads, system;
	uint64_t created;

	/* SetMaxThreads may have changed the limit. */
	return read_live(search, address + layout->max_threads, &max_threads, sizeof(max_threads)) &&
	       max_threads > 0 && read_live(search, address + layout->mnext, &created, sizeof(created)) &&
	       created > 0 && created < GOROUTINES_MAX &&
	       read_live(search, address + layout->ngsys, &system, sizeof(system)) && system >= 0 &&
	       system < 1 << 20;
}

/* sched.maxmcount = 10000: c7 05 distance 10 27 00 00. */
static uint64_t find_sched(const struct search *search)
{
	uint64_t found = 0;
	struct code code;

	if (!load_code(search, SCHEDINIT, &code))
		return 0;
	for (uint32_t at = 2; at + 8 <= code.len && !found; at++) {
		uint64_t address;
		int32_t value;

		memcpy(&value, code.bytes + at + 4, sizeof(value));
		if (code.bytes[at - 2] != 0xc7 || code.bytes[at - 1] != 5 || value != GO_DEFAULT_THREADS)
			continue;
		address = target_of(&code, at, 4) - search->layout->max_threads;
		if (is_sched(search, address))
			found = address;
	}
	free(code.bytes);
	return found;
}

/* allgs = {pointer, length, capacity}; allgptr is the same pointer, allglen the same length. */
static uint64_t find_allglen(const struct search *search)
{
	struct candidates candidates;

	if (!find_candidates(search, ALLGADD, &candidates))
		return 0;
	for (size_t i = 0; i < candidates.count; i++) {
		uint64_t slice[3], allgs = candidates.at[i], length = 0;
		bool has_pointer = false;

		if ((allgs & 7) || !read_live(search, allgs, slice, sizeof(slice)) || !slice[0] ||
		    !slice[1] || slice[1] > slice[2] || slice[2] > GOROUTINES_MAX)
			continue;
		for (size_t j = 0; j < candidates.count; j++) {
			uint64_t word, at = candidates.at[j];

			if ((at & 7) || (at >= allgs && at < allgs + sizeof(slice)) ||
			    !read_live(search, at, &word, sizeof(word)))
				continue;
			has_pointer = has_pointer || word == slice[0];
			if (word == slice[1])
				length = at;
		}
		if (has_pointer && length)
			return length;
	}
	return 0;
}

/* Each p has its number and its status first. */
static bool is_allp(const struct search *search, uint64_t address)
{
	AUTO_FREE uint64_t *processors = NULL;
	uint64_t slice[3];

	if ((address & 7) || !read_live(search, address, slice, sizeof(slice)) || !slice[0] || !slice[1] ||
	    slice[1] > slice[2] || slice[2] > PROCESSORS_MAX)
		return false;
	processors = malloc(slice[1] * 8);
	if (!processors || memory_read(search->pid, slice[0], processors, slice[1] * 8, search->counts))
		return false;
	for (uint32_t i = 0; i < slice[1]; i++) {
		uint32_t head[2];

		if (memory_read(search->pid, processors[i], head, sizeof(head), search->counts) ||
		    head[0] != i || head[1] > 4)
			return false;
	}
	return true;
}

static uint64_t find_allp(const struct search *search)
{
	struct candidates candidates;

	if (!find_candidates(search, PROCRESIZE, &candidates))
		return 0;
	for (size_t i = 0; i < candidates.count; i++)
		if (is_allp(search, candidates.at[i]))
			return candidates.at[i];
	return 0;
}

static bool is_gc_controller(const struct search *search, uint64_t address)
{
	const struct go_layout *layout = search->layout;
	uint64_t minimum, in_use, alloc, freed;
	int64_t limit;
	int32_t percent;

	if ((address & 7) || !read_live(search, address + GO_GC_PERCENT, &percent, sizeof(percent)) ||
	    !read_live(search, address + GO_MEMORY_LIMIT, &limit, sizeof(limit)) ||
	    !read_live(search, address + layout->heap_minimum, &minimum, sizeof(minimum)) ||
	    !read_live(search, address + layout->heap_in_use, &in_use, sizeof(in_use)) ||
	    !read_live(search, address + layout->total_free, &freed, sizeof(freed)) ||
	    !read_live(search, address + layout->total_alloc, &alloc, sizeof(alloc)))
		return false;
	/* heapMinimum is 4 MiB times GOGC/100 in unsigned numbers; GOGC=off is -1 (setGCPercent in
	 * mgcpacer.go). */
	if (percent < -1 || percent > 1000000 || limit <= 0 ||
	    minimum != ((uint64_t)4 << 20) * (uint64_t)(int64_t)percent / 100)
		return false;
	return in_use && in_use < (uint64_t)1 << 44 && in_use % PAGE_SIZE == 0 && alloc < (uint64_t)1 << 60 &&
	       freed <= alloc;
}

static uint64_t find_gc_controller(const struct search *search)
{
	static const enum function users[] = {GCINIT, MARK_TERMINATION};
	struct candidates candidates;

	for (size_t f = 0; f < 2; f++) {
		if (!find_candidates(search, users[f], &candidates))
			continue;
		for (size_t i = 0; i < candidates.count; i++)
			if (is_gc_controller(search, candidates.at[i]))
				return candidates.at[i];
	}
	return 0;
}

/* The pauses in the ring add up to the total, and the last collection was in our time: weaker rules accept
 * other variables. Before the first collection, all of it is zero, which says something only of a known
 * place. */
static bool is_memstats(const struct search *search, uint64_t address, bool before_first)
{
	const struct go_layout *layout = search->layout;
	uint64_t pauses[GO_GC_PAUSES], total, last, sum = 0;
	struct timespec now;
	uint32_t count;

	if ((address & 7) || !read_live(search, address + layout->gc_count, &count, sizeof(count)) ||
	    !read_live(search, address + layout->gc_last_unix_ns, &last, sizeof(last)) ||
	    !read_live(search, address + layout->gc_pause_total_ns, &total, sizeof(total)) ||
	    !read_live(search, address + layout->gc_pauses, pauses, sizeof(pauses)))
		return false;
	for (unsigned i = 0; i < GO_GC_PAUSES; i++)
		if (__builtin_add_overflow(sum, pauses[i], &sum))
			return false;
	if (before_first)
		return !count && !last && !total && !sum;
	clock_gettime(CLOCK_REALTIME, &now);
	if (!count || !sum || last < YEAR_2020_NS || last / 1000000000 > (uint64_t)now.tv_sec + 1)
		return false;
	return count <= GO_GC_PAUSES ? sum == total : sum <= total;
}

/* memstats.numgc++ and memstats.numforcedgc++, which is the word behind: ff 05 distance, twice. */
static uint64_t find_idle_memstats(const struct search *search)
{
	struct candidates increments = {0};
	uint64_t found = 0;
	struct code code;

	if (!load_code(search, MARK_TERMINATION, &code))
		return 0;
	for (uint32_t at = 2; at + 4 <= code.len; at++)
		if (code.bytes[at - 2] == 0xff && code.bytes[at - 1] == 5)
			add_candidate(&increments, target_of(&code, at, 0));
	for (size_t i = 0; i < increments.count && !found; i++)
		for (size_t j = 0; j < increments.count && !found; j++)
			if (increments.at[j] == increments.at[i] + 4 &&
			    is_memstats(search, increments.at[i] - search->layout->gc_count, true))
				found = increments.at[i] - search->layout->gc_count;
	free(code.bytes);
	return found;
}

static uint64_t find_memstats(const struct search *search)
{
	const uint64_t fields[] = {search->layout->gc_count, search->layout->gc_pause_total_ns,
				   search->layout->gc_pauses};
	struct candidates candidates;

	if (!find_candidates(search, MARK_TERMINATION, &candidates))
		return 0;
	for (size_t i = 0; i < candidates.count; i++)
		for (size_t f = 0; f < 3; f++)
			if (is_memstats(search, candidates.at[i] - fields[f], false))
				return candidates.at[i] - fields[f];
	return find_idle_memstats(search);
}

int go_variables_by_code(pid_t pid, const struct process_image *image, const struct go_layout *layout,
			 struct memory_counts *counts, struct go_variables *ret_variables,
			 const char **ret_reason)
{
	struct search search = {.pid = pid, .image = image, .layout = layout, .counts = counts};
	struct go_variables variables;
	uint64_t table_address, word;
	int error;

	error = go_functions_find(&image->file, function_names, FUNCTIONS, search.functions, &table_address);
	if (error) {
		*ret_reason = "neither symbols nor a function table of Go that can be read";
		return -ENOTSUP;
	}
	error = memory_read(pid, table_address + image->bias, &word, sizeof(word), counts);
	if (error == -ESRCH || error == -EPERM)
		return error;
	if (error || !find_text(&search, table_address, &search.text)) {
		*ret_reason = "no symbols, and the beginning of Go's code was not found";
		return -ENOTSUP;
	}
	variables = (struct go_variables){
		.allglen = find_allglen(&search),
		.allp = find_allp(&search),
		.sched = find_sched(&search),
		.memstats = find_memstats(&search),
		.gc_controller = find_gc_controller(&search),
	};
	if (!variables.allglen || !variables.allp || !variables.sched || !variables.memstats ||
	    !variables.gc_controller)
		return -EAGAIN;
	*ret_variables = variables;
	return 0;
}

bool go_variables_check(pid_t pid, const struct process_image *image, const struct go_layout *layout,
			struct memory_counts *counts, const struct go_variables *variables)
{
	const struct search search = {.pid = pid, .image = image, .layout = layout, .counts = counts};

	for (int try = 0; try < CHECKS; try++)
		if (is_allp(&search, variables->allp) && is_sched(&search, variables->sched) &&
		    is_gc_controller(&search, variables->gc_controller) &&
		    (is_memstats(&search, variables->memstats, false) ||
		     is_memstats(&search, variables->memstats, true)))
			return true;
	return false;
}
