// SPDX-License-Identifier: Apache-2.0
// CPython's structures, from its headers Include/internal/pycore_{runtime,interp,interp_structs,gc}.h. All
// was compiled against the headers
// of 3.8.18, 3.9.2, 3.9.18, 3.10.13, 3.11.2, 3.11.7, 3.12.1, 3.13.0, 3.13.5, 3.13.18 and 3.14.10 on x86-64
// and then compared with the gc.get_stats() of each of them. python.c reads by it.
#include "python_layout.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Until 3.12 only the version tells. `generations` and `stats` are those of struct _gc_runtime_state (24 and
 * 128) and its own offset: 344 in _PyRuntime in 3.8, then in the interpreter 616, 648 and 112. The thread
 * count is num_threads until 3.10, then threads.count. */
static const struct {
	unsigned minor;
	struct python_layout layout;
} rows[] = {
	{8, {32, 0, 16, 104, 344 + 24, 344 + 128, true}},   {9, {32, 0, 24, 896, 616 + 24, 616 + 128, false}},
	{10, {32, 0, 24, 896, 616 + 24, 616 + 128, false}}, {11, {40, 0, 48, 24, 648 + 24, 648 + 128, false}},
	{12, {40, 0, 8, 80, 112 + 24, 112 + 128, false}},
};

/* From 3.13 on _PyRuntime begins with a table of offsets (pycore_debug_offsets.h; in pycore_runtime.h
 * in 3.13). Its words are not the same in each minor version, and it does not say where in the collector's
 * state the lists and the statistics are. PyGC_Head is aligned to 8 in 3.13.0 and to 4 in 3.13.5: 24 and 20.
 */
static const struct {
	unsigned minor;
	unsigned interpreters, id, next, threads, collector; ///< index of the word
	uint32_t thread_count;                               ///< behind the thread list's head
	uint32_t generations[2];                             ///< in the collector's state; 0: no other
	uint32_t stats;
} debug_rows[] = {
	{13, 5, 7, 8, 9, 10, 16, {24, 20}, 128},
	{14, 5, 7, 8, 9, 11, 24, {24, 20}, 120},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

bool python_version_from_hex(uint64_t hex, struct python_version *ret_version)
{
	if (hex >> 24 != 3)
		return false;
	*ret_version = (struct python_version){
		.minor = hex >> 16 & 0xff,
		.patch = hex >> 8 & 0xff,
		.prerelease = (hex & 0xf0) != 0xf0,
	};
	return true;
}

static bool take_number(const char **at, const char *end, unsigned *ret_number)
{
	const char *digits = *at;

	*ret_number = 0;
	while (*at < end && *at - digits < 3 && isdigit((unsigned char)**at))
		*ret_number = *ret_number * 10 + (unsigned)(*(*at)++ - '0');
	return *at > digits;
}

bool python_version_from_text(const char *text, size_t len, struct python_version *ret_version)
{
	/* "[GCC 12.2.0]" is on a line of its own until 3.9 (Python/getcompiler.c). */
	static const char behind[] = ") [", behind_until_3_9[] = ") \n[";
	const char *at = text + 2, *end = text + len, *nul;
	struct python_version version = {0};

	if (len < 8 || memcmp(text, "3.", 2) != 0 || !take_number(&at, end, &version.minor) || at == end ||
	    *at != '.')
		return false;
	at++;
	if (!take_number(&at, end, &version.patch) || at == end)
		return false;
	/* "3.8.0rc1", and "3.8.1+" between releases. */
	version.prerelease = *at == 'a' || *at == 'b' || *at == 'r';
	while (at < end && (isalnum((unsigned char)*at) || *at == '+'))
		at++;
	nul = memchr(text, '\0', len);
	if (!nul || nul - at < 2 || memcmp(at, " (", 2) != 0 ||
	    (!memmem(at, (size_t)(nul - at), behind, strlen(behind)) &&
	     !memmem(at, (size_t)(nul - at), behind_until_3_9, strlen(behind_until_3_9))))
		return false;
	*ret_version = version;
	return true;
}

bool python_version_from_debug(const uint64_t words[PYTHON_DEBUG_WORDS], struct python_version *ret_version)
{
	if (memcmp(words, "xdebugpy", 8) != 0 || !python_version_from_hex(words[1], ret_version))
		return false;
	ret_version->free_threaded = words[2] != 0;
	return true;
}

static bool is_offset(uint64_t word)
{
	return word < 1 << 20 && !(word & 7);
}

static size_t debug_layouts(size_t row, const uint64_t *words, struct python_layout *ret_layouts, size_t max)
{
	const uint64_t threads = words[debug_rows[row].threads], collector = words[debug_rows[row].collector];
	size_t count = 0;

	if (!is_offset(words[debug_rows[row].interpreters]) || !is_offset(words[debug_rows[row].next]) ||
	    !is_offset(words[debug_rows[row].id]) || !is_offset(threads) || !is_offset(collector))
		return 0;
	for (size_t i = 0; i < COUNT(debug_rows[row].generations) && count < max; i++)
		if (debug_rows[row].generations[i])
			ret_layouts[count++] = (struct python_layout){
				.interpreters = words[debug_rows[row].interpreters],
				.next = words[debug_rows[row].next],
				.id = words[debug_rows[row].id],
				.thread_count = threads + debug_rows[row].thread_count,
				.generations = collector + debug_rows[row].generations[i],
				.stats = collector + debug_rows[row].stats,
			};
	return count;
}

size_t python_layouts(const struct python_version *version, const uint64_t words[PYTHON_DEBUG_WORDS],
		      struct python_layout *ret_layouts, size_t max, const char **ret_reason)
{
	struct python_version from_debug;
	size_t count = 0;

	*ret_reason = "this version of CPython is not known: 3.8 to 3.14 are";
	if (version->free_threaded) {
		*ret_reason = "free-threaded builds of CPython keep other statistics";
		return 0;
	}
	if (version->prerelease) {
		*ret_reason = "this CPython is no final release";
		return 0;
	}
	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].minor == version->minor && max) {
			*ret_layouts = rows[i].layout;
			return 1;
		}
	for (size_t i = 0; i < COUNT(debug_rows); i++) {
		if (debug_rows[i].minor != version->minor)
			continue;
		if (python_version_from_debug(words, &from_debug))
			count = debug_layouts(i, words, ret_layouts, max);
		if (!count)
			*ret_reason =
				"the table of offsets that CPython 3.13 and later carry is not as expected";
	}
	return count;
}
