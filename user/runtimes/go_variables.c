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
#include "go_code.h"
#include "go_layout.h"
#include "memory.h"
#include "process_image.h"

#define CHECKS 3 ///< tries, as the variables change under us
#define PROCESSORS_MAX 4096
#define GOROUTINES_MAX ((uint64_t)1 << 32)
#define PAGE_SIZE 8192 ///< of Go's heap
#define YEAR_2020_NS 1577836800000000000ull

struct search {
	struct go_code code;
	const struct go_layout *layout;
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

static bool is_sched(const struct search *search, uint64_t address)
{
	const struct go_layout *layout = search->layout;
	int32_t max_threads, system;
	uint64_t created;

	/* SetMaxThreads may have changed the limit. */
	return go_code_live(&search->code, address + layout->max_threads, &max_threads,
			    sizeof(max_threads)) &&
	       max_threads > 0 &&
	       go_code_live(&search->code, address + layout->mnext, &created, sizeof(created)) &&
	       created > 0 && created < GOROUTINES_MAX &&
	       go_code_live(&search->code, address + layout->ngsys, &system, sizeof(system)) && system >= 0 &&
	       system < 1 << 20;
}

/* sched.maxmcount = 10000: c7 05 distance 10 27 00 00. */
static uint64_t find_sched(const struct search *search)
{
	uint64_t found = 0;
	struct go_instructions code;

	if (!go_code_load(&search->code, GO_SCHEDINIT, &code))
		return 0;
	for (uint32_t at = 2; at + 8 <= code.len && !found; at++) {
		uint64_t address;
		int32_t value;

		memcpy(&value, code.bytes + at + 4, sizeof(value));
		if (code.bytes[at - 2] != 0xc7 || code.bytes[at - 1] != 5 || value != GO_DEFAULT_THREADS)
			continue;
		address = go_code_target(&code, at, 4) - search->layout->max_threads;
		if (is_sched(search, address))
			found = address;
	}
	free(code.bytes);
	return found;
}

/* allgs = {pointer, length, capacity}; allgptr is the same pointer, allglen the same length. */
static uint64_t find_allglen(const struct search *search)
{
	struct go_operands candidates;

	if (!go_code_operands(&search->code, GO_ALLGADD, &candidates))
		return 0;
	for (size_t i = 0; i < candidates.count; i++) {
		uint64_t slice[3], allgs = candidates.at[i], length = 0;
		bool has_pointer = false;

		if ((allgs & 7) || !go_code_live(&search->code, allgs, slice, sizeof(slice)) || !slice[0] ||
		    !slice[1] || slice[1] > slice[2] || slice[2] > GOROUTINES_MAX)
			continue;
		for (size_t j = 0; j < candidates.count; j++) {
			uint64_t word, at = candidates.at[j];

			if ((at & 7) || (at >= allgs && at < allgs + sizeof(slice)) ||
			    !go_code_live(&search->code, at, &word, sizeof(word)))
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

	if ((address & 7) || !go_code_live(&search->code, address, slice, sizeof(slice)) || !slice[0] ||
	    !slice[1] || slice[1] > slice[2] || slice[2] > PROCESSORS_MAX)
		return false;
	processors = malloc(slice[1] * 8);
	if (!processors ||
	    memory_read(search->code.pid, slice[0], processors, slice[1] * 8, search->code.counts))
		return false;
	for (uint32_t i = 0; i < slice[1]; i++) {
		uint32_t head[2];

		if (memory_read(search->code.pid, processors[i], head, sizeof(head), search->code.counts) ||
		    head[0] != i || head[1] > 4)
			return false;
	}
	return true;
}

static uint64_t find_allp(const struct search *search)
{
	struct go_operands candidates;

	if (!go_code_operands(&search->code, GO_PROCRESIZE, &candidates))
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

	if ((address & 7) ||
	    !go_code_live(&search->code, address + GO_GC_PERCENT, &percent, sizeof(percent)) ||
	    !go_code_live(&search->code, address + GO_MEMORY_LIMIT, &limit, sizeof(limit)) ||
	    !go_code_live(&search->code, address + layout->heap_minimum, &minimum, sizeof(minimum)) ||
	    !go_code_live(&search->code, address + layout->heap_in_use, &in_use, sizeof(in_use)) ||
	    !go_code_live(&search->code, address + layout->total_free, &freed, sizeof(freed)) ||
	    !go_code_live(&search->code, address + layout->total_alloc, &alloc, sizeof(alloc)))
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
	static const enum go_function_index users[] = {GO_GCINIT, GO_MARK_TERMINATION};
	struct go_operands candidates;

	for (size_t f = 0; f < 2; f++) {
		if (!go_code_operands(&search->code, users[f], &candidates))
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

	if ((address & 7) ||
	    !go_code_live(&search->code, address + layout->gc_count, &count, sizeof(count)) ||
	    !go_code_live(&search->code, address + layout->gc_last_unix_ns, &last, sizeof(last)) ||
	    !go_code_live(&search->code, address + layout->gc_pause_total_ns, &total, sizeof(total)) ||
	    !go_code_live(&search->code, address + layout->gc_pauses, pauses, sizeof(pauses)))
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
	struct go_operands increments = {0};
	uint64_t found = 0;
	struct go_instructions code;

	if (!go_code_load(&search->code, GO_MARK_TERMINATION, &code))
		return 0;
	for (uint32_t at = 2; at + 4 <= code.len; at++)
		if (code.bytes[at - 2] == 0xff && code.bytes[at - 1] == 5)
			go_operands_add(&increments, go_code_target(&code, at, 0));
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
	struct go_operands candidates;

	if (!go_code_operands(&search->code, GO_MARK_TERMINATION, &candidates))
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
	struct search search = {.code = {.pid = pid, .image = image, .counts = counts}, .layout = layout};
	struct go_variables variables;
	int error;

	error = go_code_open(&search.code, ret_reason);
	if (error)
		return error;
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
	const struct search search = {.code = {.pid = pid, .image = image, .counts = counts},
				      .layout = layout};

	for (int try = 0; try < CHECKS; try++)
		if (is_allp(&search, variables->allp) && is_sched(&search, variables->sched) &&
		    is_gc_controller(&search, variables->gc_controller) &&
		    (is_memstats(&search, variables->memstats, false) ||
		     is_memstats(&search, variables->memstats, true)))
			return true;
	return false;
}
