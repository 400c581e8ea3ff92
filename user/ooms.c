// SPDX-License-Identifier: Apache-2.0
// Puts together what Docker tells and what cgroups count, so that each kill counts once.
#include "ooms.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#define CONTAINERS_MAX 1000
#define PATIENCE_NS 300000000000ULL

struct oom_count {
	char id[65];
	uint64_t past;      ///< before it began the last time
	uint64_t told;      ///< by Docker, since
	uint64_t untold;    ///< in the cgroup, but not told by Docker
	uint64_t in_cgroup; ///< at the last look
	uint64_t unmet;     ///< told by Docker while the container was not known
	double unmet_s;     ///< when, the last of them
	uint64_t idle_since_ns;
	UT_hash_handle hh;
};

static struct oom_count *find(const struct ooms *ooms, const char *id)
{
	struct oom_count *count;

	HASH_FIND_STR(ooms->table, id, count);
	return count;
}

static struct oom_count *get(struct ooms *ooms, const char *id)
{
	struct oom_count *count = find(ooms, id);

	if (count)
		return count;
	if (strlen(id) < sizeof(count->id) && HASH_COUNT(ooms->table) < CONTAINERS_MAX)
		count = calloc(1, sizeof(*count));
	if (!count) {
		ooms->lost++;
		return NULL;
	}
	memcpy(count->id, id, strlen(id) + 1);
	HASH_ADD_STR(ooms->table, id, count);
	return count;
}

static void drop(struct ooms *ooms, struct oom_count *count)
{
	HASH_DEL(ooms->table, count);
	free(count);
}

void ooms_free(struct ooms *ooms)
{
	struct oom_count *count, *next;

	HASH_ITER (hh, ooms->table, count, next)
		drop(ooms, count);
}

void ooms_tell(struct ooms *ooms, const char *container_id, bool met, double now_s)
{
	struct oom_count *count = get(ooms, container_id);

	if (!count)
		return;
	if (met) {
		count->told++;
		return;
	}
	count->unmet++;
	count->unmet_s = now_s;
}

/* What was told before has happened in its present cgroup, or before that began. */
void ooms_begin(struct ooms *ooms, const char *container_id, double started_s)
{
	struct oom_count *count = find(ooms, container_id);

	if (!count)
		return;
	*(count->unmet_s < started_s ? &count->past : &count->told) += count->unmet;
	count->unmet = 0;
}

static uint64_t since_it_began(const struct oom_count *count)
{
	uint64_t told = count->told + count->untold;

	return told > count->in_cgroup ? told : count->in_cgroup;
}

uint64_t ooms_total(struct ooms *ooms, const char *container_id, uint64_t in_cgroup)
{
	struct oom_count *count = in_cgroup ? get(ooms, container_id) : find(ooms, container_id);

	if (!count)
		return in_cgroup;
	/* By the look before, as Docker's word for the newest kill may be on its way. */
	if (count->in_cgroup > count->told + count->untold)
		count->untold = count->in_cgroup - count->told;
	count->in_cgroup = in_cgroup;
	return count->past + since_it_began(count);
}

void ooms_end(struct ooms *ooms, const char *container_id)
{
	struct oom_count *count = find(ooms, container_id);

	if (!count)
		return;
	count->past += since_it_began(count);
	count->told = count->untold = count->in_cgroup = 0;
}

void ooms_expire(struct ooms *ooms, bool (*runs)(void *context, const char *container_id), void *context,
		 uint64_t now_ns)
{
	struct oom_count *count, *next;

	HASH_ITER (hh, ooms->table, count, next) {
		if (runs(context, count->id)) {
			count->idle_since_ns = 0;
			continue;
		}
		if (!count->idle_since_ns)
			count->idle_since_ns = now_ns;
		if (now_ns - count->idle_since_ns >= PATIENCE_NS)
			drop(ooms, count);
	}
}
