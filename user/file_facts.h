// SPDX-License-Identifier: Apache-2.0
// What was found out about a file, kept until the file changes or others need the place: a hundred workers of
// one executable are looked into once. Facts about one process do not belong here.
#ifndef RINGSIDE_FILE_FACTS_H
#define RINGSIDE_FILE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Zeroed before it is filled: it is compared byte by byte.
struct file_id {
	uint64_t device, inode;
	uint64_t size_bytes;
	uint64_t modified_ns;
};

struct file_facts;

/// Keeps facts of `size` bytes for at most `limit` files; the one asked for longest ago makes room. NULL
/// without memory.
struct file_facts *file_facts_new(size_t limit, size_t size);
void file_facts_free(struct file_facts *facts); ///< accepts NULL
/// False if fd is no open file.
bool file_facts_id(int fd, struct file_id *ret_id);
/// Copies the facts out. False if there are none.
bool file_facts_find(struct file_facts *facts, const struct file_id *id, void *ret_value);
/// Copies the facts in, over older ones. Without effect when memory is out.
void file_facts_keep(struct file_facts *facts, const struct file_id *id, const void *value);

#endif
