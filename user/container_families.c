// SPDX-License-Identifier: Apache-2.0
// Reads what each workload uses into a row, then writes the rows family by family, by a table. Sources of the
// names: cAdvisor's docs/storage/prometheus.md; container_cpu_run_queue_seconds_total and
// container_restarts_total are ringside's own.
#include "container_families.h"

#include <stdlib.h>
#include <string.h>

#include "cgroup_stats.h"
#include "cleanup.h"
#include "exposition.h"
#include "observation.h"
#include "workloads.h"

/* What no cgroup file says stands behind the figures of the files. */
enum {
	ROW_RUN_QUEUE_NS = CGROUP_FIGURES,
	ROW_START_MS,
	ROW_RESTARTS,
	ROW_FIGURES,
};

struct row {
	const struct workload *workload;
	uint64_t figures[ROW_FIGURES]; ///< CGROUP_ABSENT: not known
};

static const struct family {
	const char *name, *help;
	enum metric_type type;
	unsigned figure;
	double unit;
} families[] = {
	{"container_cpu_usage_seconds_total", "CPU time used.", METRIC_COUNTER, CGROUP_CPU_USAGE_NS, 1e9},
	{"container_cpu_user_seconds_total", "CPU time used by the programs.", METRIC_COUNTER,
	 CGROUP_CPU_USER_NS, 1e9},
	{"container_cpu_system_seconds_total", "CPU time used by the kernel for them.", METRIC_COUNTER,
	 CGROUP_CPU_SYSTEM_NS, 1e9},
	{"container_cpu_cfs_periods_total", "Periods in which the CPU limit was enforced.", METRIC_COUNTER,
	 CGROUP_CFS_PERIODS, 1},
	{"container_cpu_cfs_throttled_periods_total", "Periods in which the CPU limit was reached.",
	 METRIC_COUNTER, CGROUP_CFS_THROTTLED_PERIODS, 1},
	{"container_cpu_cfs_throttled_seconds_total",
	 "Time for which the CPU limit stopped it, summed over CPUs.", METRIC_COUNTER,
	 CGROUP_CFS_THROTTLED_NS, 1e9},
	{"container_cpu_run_queue_seconds_total",
	 "Time for which its threads could have run, but had no CPU, summed over threads.", METRIC_COUNTER,
	 ROW_RUN_QUEUE_NS, 1e9},
	{"container_memory_usage_bytes", "Memory in use, files in the page cache included.", METRIC_GAUGE,
	 CGROUP_MEMORY_USAGE_BYTES, 1},
	{"container_memory_working_set_bytes", "Memory in use but for files that were not used of late.",
	 METRIC_GAUGE, CGROUP_MEMORY_WORKING_SET_BYTES, 1},
	{"container_memory_rss", "Anonymous memory in bytes.", METRIC_GAUGE, CGROUP_MEMORY_RSS_BYTES, 1},
	{"container_memory_cache", "Files in the page cache in bytes.", METRIC_GAUGE,
	 CGROUP_MEMORY_CACHE_BYTES, 1},
	{"container_spec_memory_limit_bytes", "Memory limit; 0 without one.", METRIC_GAUGE,
	 CGROUP_MEMORY_LIMIT_BYTES, 1},
	{"container_oom_events_total", "Processes that the kernel killed for want of memory.", METRIC_COUNTER,
	 CGROUP_OOM_KILLS, 1},
	{"container_start_time_seconds", "When it began, since the epoch.", METRIC_GAUGE, ROW_START_MS, 1e3},
	{"container_restarts_total", "How often its restart policy has started it again.", METRIC_COUNTER,
	 ROW_RESTARTS, 1},
	{"container_pressure_cpu_waiting_seconds_total", "Time in which some thread waited for a CPU.",
	 METRIC_COUNTER, CGROUP_CPU_WAITING_NS, 1e9},
	{"container_pressure_cpu_stalled_seconds_total", "Time in which all threads waited for a CPU.",
	 METRIC_COUNTER, CGROUP_CPU_STALLED_NS, 1e9},
	{"container_pressure_memory_waiting_seconds_total", "Time in which some thread waited for memory.",
	 METRIC_COUNTER, CGROUP_MEMORY_WAITING_NS, 1e9},
	{"container_pressure_memory_stalled_seconds_total", "Time in which all threads waited for memory.",
	 METRIC_COUNTER, CGROUP_MEMORY_STALLED_NS, 1e9},
	{"container_pressure_io_waiting_seconds_total",
	 "Time in which some thread waited for input or output.", METRIC_COUNTER, CGROUP_IO_WAITING_NS, 1e9},
	{"container_pressure_io_stalled_seconds_total",
	 "Time in which all threads waited for input or output.", METRIC_COUNTER, CGROUP_IO_STALLED_NS, 1e9},
};

static void fill(struct row *row, const struct observation *observation, const struct workload *workload)
{
	struct cgroup_stats stats;

	cgroup_stats_read(workloads_mounts(observation->workloads), &workload->paths, &stats);
	memcpy(row->figures, stats.figures, sizeof(stats.figures));
	row->workload = workload;
	if (stats.figures[CGROUP_OOM_KILLS] != CGROUP_ABSENT)
		row->figures[CGROUP_OOM_KILLS] =
			workloads_ooms(observation->workloads, workload, stats.figures[CGROUP_OOM_KILLS]);
	row->figures[ROW_RUN_QUEUE_NS] = workload->run_queue_ns;
	row->figures[ROW_START_MS] =
		workload->started_s > 0 ? (uint64_t)(workload->started_s * 1e3) : CGROUP_ABSENT;
	row->figures[ROW_RESTARTS] = workload->restarts < 0 ? CGROUP_ABSENT : (uint64_t)workload->restarts;
}

static int compare_rows(const void *a, const void *b)
{
	return workload_compare(((const struct row *)a)->workload, ((const struct row *)b)->workload);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Two units can have one name; a series may be there only once, and is their sum. It is as old as the older.
 */
static void merge(struct row *into, const struct row *row)
{
	for (unsigned i = 0; i < ROW_FIGURES; i++) {
		if (row->figures[i] == CGROUP_ABSENT)
			continue;
		if (into->figures[i] == CGROUP_ABSENT)
			into->figures[i] = row->figures[i];
		else if (i == ROW_START_MS)
			into->figures[i] = least(into->figures[i], row->figures[i]);
		else if (i == CGROUP_MEMORY_LIMIT_BYTES && !least(into->figures[i], row->figures[i]))
			into->figures[i] = 0; /* one has none */
		else
			into->figures[i] += row->figures[i];
	}
}

static size_t merge_all(struct row *rows, size_t len)
{
	size_t kept = 0;

	qsort(rows, len, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < len; i++) {
		if (kept && !compare_rows(&rows[kept - 1], &rows[i]))
			merge(&rows[kept - 1], &rows[i]);
		else
			rows[kept++] = rows[i];
	}
	return kept;
}

static void write_family(struct exposition *exposition, const struct family *family, const struct row *rows,
			 size_t len)
{
	bool opened = false;

	for (size_t i = 0; i < len; i++) {
		const struct workload *workload = rows[i].workload;
		struct label labels[] = {
			{"service", workload->service},
			{"container", workload->container},
			{"image", workload->image},
		};
		uint64_t figure = rows[i].figures[family->figure];

		if (figure == CGROUP_ABSENT)
			continue;
		if (!opened)
			exposition_family(exposition, family->name, family->type, family->help);
		opened = true;
		exposition_value(exposition, labels, 3, (double)figure / family->unit);
	}
}

static void write_losses(struct exposition *exposition, const struct observation *observation)
{
	const struct workload_losses losses = workloads_losses(observation->workloads);
	const struct {
		const char *reason;
		uint64_t value;
	} reasons[] = {
		{"workloads", losses.workloads},
		{"cgroups", losses.cgroups},
		{"ooms", losses.ooms},
	};

	exposition_family(exposition, "ringside_workloads_lost_total", METRIC_COUNTER,
			  "What found no room in a table of containers and systemd services, by table.");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		exposition_value(exposition, &(struct label){"table", reasons[i].reason}, 1,
				 reasons[i].value);
}

void container_families_write(struct exposition *exposition, const struct observation *observation)
{
	AUTO_FREE struct row *rows = NULL;
	size_t len = 0, capacity;

	workloads_measure(observation->workloads);
	capacity = workloads_count(observation->workloads);
	rows = calloc(capacity ? capacity : 1, sizeof(*rows));
	for (const struct workload *workload = workloads_first(observation->workloads); rows && workload;
	     workload = workload->hh.next)
		if (workload_is_shown(workload, observation->only_service))
			fill(&rows[len++], observation, workload);
	if (len)
		len = merge_all(rows, len);
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		write_family(exposition, &families[i], rows, len);
	if (!observation->only_service)
		write_losses(exposition, observation);
}
