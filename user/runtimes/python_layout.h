// SPDX-License-Identifier: Apache-2.0
// Where CPython keeps what we read, by version. Adding one: tools/python_layout.c prints the row from
// CPython's own headers; then test_python must pass under that interpreter (RINGSIDE_PYTHONS).
#ifndef RINGSIDE_RUNTIMES_PYTHON_LAYOUT_H
#define RINGSIDE_RUNTIMES_PYTHON_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYTHON_GENERATIONS 3
#define PYTHON_STATS_SIZE (PYTHON_GENERATIONS * 3 * 8) ///< of the collector's statistics
/// Words at the beginning of _PyRuntime that may be a _Py_DebugOffsets; as far as we look into it.
#define PYTHON_DEBUG_WORDS 24

/// Offsets in bytes.
struct python_layout {
	uint32_t interpreters; ///< of the first interpreter's address, in _PyRuntime
	uint32_t next;         ///< the rest in an interpreter: the next one's address
	uint32_t id;           ///< i64
	uint32_t thread_count; ///< i64
	uint32_t generations;  ///< of the collector's lists; where `in_runtime` says, in _PyRuntime
	uint32_t stats;        ///< of 3 times {i64 collections, collected, uncollectable}, i32 collecting
	bool collector_in_runtime;
};

struct python_version {
	unsigned minor, patch; ///< of 3.minor.patch
	bool prerelease;
	bool free_threaded;
};

/// PY_VERSION_HEX: major, minor, patch, 4 bits level (0xf is final) and serial. False if the major is not 3.
bool python_version_from_hex(uint64_t hex, struct python_version *ret_version);
/// The static buffer of Py_GetVersion: "3.8.18 (default, …) \n[GCC …". `len` bytes, of which the first is the
/// candidate's. False if it is something else.
bool python_version_from_text(const char *text, size_t len, struct python_version *ret_version);
/// True if _PyRuntime begins with a _Py_DebugOffsets (3.13 and later), which also tells the version.
bool python_version_from_debug(const uint64_t words[PYTHON_DEBUG_WORDS], struct python_version *ret_version);
/// The layouts that builds of this version have, up to `max`: the collector's lists tell which it is. How
/// many; 0 with the reason if there is none that we know.
size_t python_layouts(const struct python_version *version, const uint64_t words[PYTHON_DEBUG_WORDS],
		      struct python_layout *ret_layouts, size_t max, const char **ret_reason);

#endif
