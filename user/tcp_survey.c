// SPDX-License-Identifier: Apache-2.0
// One look at a namespace walks the kernel's table of all connections of the host, be the namespace ever so
// empty: about a millisecond. So the looks are few, and spread over time.
#include "tcp_survey.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <uthash.h>

#include "capture.h"
#include "log.h"
#include "monotonic.h"
#include "netns.h"
#include "proc.h"
#include "tcp_health.h"
#include "workloads.h"

#define NAMESPACES_MAX 16384
#define ROUND_NS 30000000000ULL
/* Time for looks in one tick; the last one may take longer. */
#define TICK_BUDGET_NS 2000000ULL

struct network_namespace {
	uint32_t inode;
	pid_t pid; ///< one that was in it
	uint64_t sampled_ns;
	unsigned round; ///< the last one in which it was met
	UT_hash_handle hh;
};

struct tcp_survey {
	struct capture *capture;
	struct workloads *workloads;
	int home_fd;
	struct network_namespace *table;
	struct network_namespace *next; ///< to be sampled in this round
	uint64_t round_began_ns;
	unsigned round;
	uint64_t since_ns; ///< of the look that is taken now
};

int tcp_survey_new(struct capture *capture, struct workloads *workloads, struct tcp_survey **ret_survey)
{
	struct tcp_survey *survey = calloc(1, sizeof(*survey));

	if (!survey)
		return -ENOMEM;
	survey->capture = capture;
	survey->workloads = workloads;
	survey->home_fd = netns_home();
	*ret_survey = survey;
	return 0;
}

/* Those that were not met in this round; all if `round` is 0. */
static void forget_namespaces(struct tcp_survey *survey, unsigned round)
{
	struct network_namespace *namespace = NULL, *next;

	HASH_ITER (hh, survey->table, namespace, next) {
		if (round && namespace->round == round)
			continue;
		HASH_DEL(survey->table, namespace);
		free(namespace);
	}
}

void tcp_survey_free(struct tcp_survey *survey)
{
	if (!survey)
		return;
	forget_namespaces(survey, 0);
	if (survey->home_fd >= 0)
		close(survey->home_fd);
	free(survey);
}

static void meet(void *context, pid_t pid)
{
	struct tcp_survey *survey = context;
	uint32_t inode = proc_namespace(pid, "net");
	struct network_namespace *namespace = NULL;

	if (!inode)
		return;
	HASH_FIND(hh, survey->table, &inode, sizeof(inode), namespace);
	if (!namespace) {
		if (HASH_COUNT(survey->table) >= NAMESPACES_MAX ||
		    !(namespace = calloc(1, sizeof(*namespace))))
			return;
		namespace->inode = inode;
		HASH_ADD(hh, survey->table, inode, sizeof(namespace->inode), namespace);
	}
	namespace->pid = pid;
	namespace->round = survey->round;
}

static int take_inventory(void *context)
{
	return tcp_health_inventory(((struct tcp_survey *)context)->capture);
}

void tcp_survey_inventory(struct tcp_survey *survey)
{
	struct network_namespace *namespace;
	uint64_t now_ns = monotonic_ns();

	survey->round++;
	if (survey->home_fd >= 0)
		proc_each(meet, survey);
	for (namespace = survey->table; namespace; namespace = namespace->hh.next) {
		int error = netns_visit(survey->home_fd, namespace->pid, take_inventory, survey);

		if (error)
			log_debug("no inventory of TCP sockets in the namespace of process %d: %s",
				  namespace->pid, strerror(-error));
		namespace->sampled_ns = now_ns;
	}
	tcp_health_inventory_ends(survey->capture);
	survey->round_began_ns = now_ns;
}

static int take_samples(void *context)
{
	struct tcp_survey *survey = context;

	return tcp_health_sample(survey->capture, survey->since_ns);
}

/* The namespaces of what is shown, and the host's. */
static void begin_round(struct tcp_survey *survey, uint64_t now_ns)
{
	const struct workload *workload;

	survey->round++;
	survey->round_began_ns = now_ns;
	meet(survey, getpid());
	for (workload = workloads_first(survey->workloads); workload; workload = workload->hh.next)
		if (workload->pid)
			meet(survey, workload->pid);
	forget_namespaces(survey, survey->round);
	survey->next = survey->table;
}

void tcp_survey_tick(struct tcp_survey *survey, uint64_t now_ns)
{
	uint64_t began_ns = monotonic_ns();

	if (survey->home_fd < 0 || survey->capture->capabilities[CAPABILITY_TCP_HEALTH].reason)
		return;
	if (!survey->next && now_ns - survey->round_began_ns >= ROUND_NS)
		begin_round(survey, now_ns);
	while (survey->next && monotonic_ns() - began_ns < TICK_BUDGET_NS) {
		struct network_namespace *namespace = survey->next;

		/* Met for the first time: all that has happened in it has happened since the last round. */
		survey->since_ns = namespace->sampled_ns ? namespace->sampled_ns : now_ns - ROUND_NS;
		netns_visit(survey->home_fd, namespace->pid, take_samples, survey);
		namespace->sampled_ns = now_ns;
		survey->next = namespace->hh.next;
	}
}
