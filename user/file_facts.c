// SPDX-License-Identifier: Apache-2.0
// A table by file identity, least recently used first (uthash keeps the order of insertion). The runtimes
// keep where in an executable their variables are.
#include "file_facts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <uthash.h>

struct entry {
	UT_hash_handle hh;
	struct file_id id;
	char value[];
};

struct file_facts {
	struct entry *table;
	size_t limit, size;
};

struct file_facts *file_facts_new(size_t limit, size_t size)
{
	struct file_facts *facts = calloc(1, sizeof(*facts));

	if (facts)
		*facts = (struct file_facts){.limit = limit, .size = size};
	return facts;
}

static void drop(struct file_facts *facts, struct entry *entry)
{
	HASH_DEL(facts->table, entry);
	free(entry);
}

void file_facts_free(struct file_facts *facts)
{
	struct entry *entry, *next;

	if (!facts)
		return;
	HASH_ITER (hh, facts->table, entry, next)
		drop(facts, entry);
	free(facts);
}

bool file_facts_id(int fd, struct file_id *ret_id)
{
	struct stat status;

	if (fstat(fd, &status))
		return false;
	*ret_id = (struct file_id){
		.device = status.st_dev,
		.inode = status.st_ino,
		.size_bytes = (uint64_t)status.st_size,
		.modified_ns =
			(uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec,
	};
	return true;
}

/* Found ones go to the end, so that the first is the one to leave. */
static struct entry *find(struct file_facts *facts, const struct file_id *id)
{
	struct entry *entry;

	HASH_FIND(hh, facts->table, id, sizeof(*id), entry);
	if (entry) {
		HASH_DEL(facts->table, entry);
		HASH_ADD(hh, facts->table, id, sizeof(entry->id), entry);
	}
	return entry;
}

bool file_facts_find(struct file_facts *facts, const struct file_id *id, void *ret_value)
{
	const struct entry *entry = find(facts, id);

	if (entry)
		memcpy(ret_value, entry->value, facts->size);
	return entry != NULL;
}

void file_facts_keep(struct file_facts *facts, const struct file_id *id, const void *value)
{
	struct entry *entry = find(facts, id);

	if (!entry) {
		if (HASH_COUNT(facts->table) >= facts->limit)
			drop(facts, facts->table);
		entry = calloc(1, sizeof(*entry) + facts->size);
		if (!entry)
			return;
		entry->id = *id;
		HASH_ADD(hh, facts->table, id, sizeof(entry->id), entry);
	}
	memcpy(entry->value, value, facts->size);
}
