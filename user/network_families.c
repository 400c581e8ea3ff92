// SPDX-License-Identifier: Apache-2.0
// A row for each value of the labels, then the rows family by family, by tables. The names of the first four
// are cAdvisor's (docs/storage/prometheus.md); theirs have a label for the interface, which a socket's
// packets have only for a moment.
#include "network_families.h"

#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "cleanup.h"
#include "exposition.h"
#include "maps.h"
#include "network_sums.h"
#include "observation.h"
#include "workloads.h"

struct row {
	const struct workload *workload;
	uint64_t sums[SUMS];
};

/* One sample of a family; where `label` is not NULL, it and its value come after service and container, else
 * the image does for cAdvisor's names. */
struct sample {
	unsigned sum;
	const char *label, *value;
};

static const struct family {
	const char *name, *help;
	enum metric_type type;
	int capability; ///< CAPABILITY_HTTP: always there
	struct sample samples[2];
	bool cadvisor, listeners_only;
} families[] = {
	{.name = "container_network_receive_bytes_total",
	 .help = "Bytes that its sockets received through any interface but the loopback.",
	 .type = METRIC_COUNTER,
	 .samples = {{SUM_RECEIVED_BYTES, NULL, NULL}},
	 .cadvisor = true},
	{.name = "container_network_receive_packets_total",
	 .help = "Packets that its sockets received through any interface but the loopback.",
	 .type = METRIC_COUNTER,
	 .samples = {{SUM_RECEIVED_PACKETS, NULL, NULL}},
	 .cadvisor = true},
	{.name = "container_network_transmit_bytes_total",
	 .help = "Bytes that its sockets sent through any interface but the loopback.",
	 .type = METRIC_COUNTER,
	 .samples = {{SUM_TRANSMITTED_BYTES, NULL, NULL}},
	 .cadvisor = true},
	{.name = "container_network_transmit_packets_total",
	 .help = "Packets that its sockets sent through any interface but the loopback.",
	 .type = METRIC_COUNTER,
	 .samples = {{SUM_TRANSMITTED_PACKETS, NULL, NULL}},
	 .cadvisor = true},
	{.name = "container_tcp_retransmits_total",
	 .help = "TCP segments that it sent again.",
	 .type = METRIC_COUNTER,
	 .capability = CAPABILITY_TCP_HEALTH,
	 .samples = {{SUM_RETRANSMITS, NULL, NULL}}},
	{.name = "container_tcp_resets_total",
	 .help = "TCP connections, or attempts at one, that were reset, by who reset them. Resets that the "
		 "kernel "
		 "sends where nobody listens are nobody's.",
	 .type = METRIC_COUNTER,
	 .capability = CAPABILITY_TCP_HEALTH,
	 .samples = {{SUM_RESETS_SENT, "direction", "sent"}, {SUM_RESETS_RECEIVED, "direction", "received"}}},
	{.name = "container_tcp_connections_active",
	 .help = "Established TCP connections, by whether it has accepted them or made them.",
	 .type = METRIC_GAUGE,
	 .capability = CAPABILITY_TCP_HEALTH,
	 .samples = {{SUM_SERVER_CONNECTIONS, "role", "server"}, {SUM_CLIENT_CONNECTIONS, "role", "client"}}},
	{.name = "container_accept_queue_length",
	 .help = "Connections to its listening sockets that it has not accepted yet.",
	 .type = METRIC_GAUGE,
	 .capability = CAPABILITY_ACCEPT_QUEUES,
	 .samples = {{SUM_ACCEPT_QUEUE, NULL, NULL}},
	 .listeners_only = true},
	{.name = "container_accept_queue_overflows_total",
	 .help = "Packets of new connections that the kernel dropped at its listening sockets: nearly always "
		 "because "
		 "the accept queue was full.",
	 .type = METRIC_COUNTER,
	 .capability = CAPABILITY_ACCEPT_QUEUES,
	 .samples = {{SUM_OVERFLOWS, NULL, NULL}},
	 .listeners_only = true},
};

static int compare_rows(const void *a, const void *b)
{
	return workload_compare(((const struct row *)a)->workload, ((const struct row *)b)->workload);
}

/* Two units can have one name; a series may be there only once, and is their sum. */
static size_t merge_all(struct row *rows, size_t len)
{
	size_t kept = 0;

	qsort(rows, len, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < len; i++) {
		if (!kept || compare_rows(&rows[kept - 1], &rows[i]) != 0) {
			rows[kept++] = rows[i];
			continue;
		}
		for (unsigned sum = 0; sum < SUMS; sum++)
			rows[kept - 1].sums[sum] += rows[i].sums[sum];
	}
	return kept;
}

static void write_sample(struct exposition *exposition, const struct family *family, const struct row *row,
			 const struct sample *sample)
{
	struct label labels[] = {
		{"service", row->workload->service},
		{"container", row->workload->container},
		{sample->label, sample->value},
	};

	if (family->cadvisor)
		labels[2] = (struct label){"image", row->workload->image};
	exposition_value(exposition, labels, labels[2].name ? 3 : 2, (double)row->sums[sample->sum]);
}

static void write_family(struct exposition *exposition, const struct family *family, const struct row *rows,
			 size_t len)
{
	bool opened = false;

	for (size_t i = 0; i < len; i++) {
		if (family->listeners_only && !rows[i].sums[SUM_LISTENERS] && !rows[i].sums[SUM_OVERFLOWS])
			continue;
		if (!opened)
			exposition_family(exposition, family->name, family->type, family->help);
		opened = true;
		write_sample(exposition, family, &rows[i], &family->samples[0]);
		if (family->samples[1].label)
			write_sample(exposition, family, &rows[i], &family->samples[1]);
	}
}

static bool has_samples(const struct row *row)
{
	for (unsigned i = 0; i <= RTT_BOUNDS_LEN; i++)
		if (row->sums[SUM_RTT_COUNTS + i])
			return true;
	return false;
}

/* Sixteen lines each: only for who has had a connection. */
static void write_rtt(struct exposition *exposition, const struct row *rows, size_t len)
{
	static const double bounds_us[] = RTT_BOUNDS_US;
	double bounds[RTT_BOUNDS_LEN];
	bool opened = false;

	for (unsigned i = 0; i < RTT_BOUNDS_LEN; i++)
		bounds[i] = bounds_us[i] / 1e6;
	for (size_t i = 0; i < len; i++) {
		struct label labels[] = {
			{"service", rows[i].workload->service},
			{"container", rows[i].workload->container},
		};

		if (!has_samples(&rows[i]))
			continue;
		if (!opened)
			exposition_family(exposition, "container_tcp_rtt_seconds", METRIC_HISTOGRAM,
					  "Smoothed round-trip times of TCP connections, as the kernel knows "
					  "them: a sample "
					  "as each ends, and one of each that stays about every 30 s in "
					  "which it had a packet.");
		opened = true;
		exposition_histogram(exposition, labels, 2, bounds, RTT_BOUNDS_LEN,
				     &rows[i].sums[SUM_RTT_COUNTS], (double)rows[i].sums[SUM_RTT_US] / 1e6);
	}
}

static void write_losses(struct exposition *exposition, const struct observation *observation)
{
	const struct {
		const char *reason;
		uint64_t value;
	} reasons[] = {
		{"packets", capture_counter(observation->capture, COUNT_LOST_NETWORK)},
		{"tcp", capture_counter(observation->capture, COUNT_LOST_HEALTH)},
		{"table_full", network_sums_lost(observation->network)},
	};

	exposition_family(exposition, "ringside_network_lost_total", METRIC_COUNTER,
			  "Packets, events of TCP and entries of tables that found no room, by kind.");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		exposition_value(exposition, &(struct label){"kind", reasons[i].reason}, 1, reasons[i].value);
}

/* Those with a cgroup in the v2 hierarchy: others' packets cannot be told apart. */
static size_t fill(struct row *rows, const struct observation *observation)
{
	const struct workload *workload = workloads_first(observation->workloads);
	size_t len = 0;

	for (; workload; workload = workload->hh.next) {
		if (!workload->cgroup || !workload_is_shown(workload, observation->only_service))
			continue;
		memcpy(rows[len].sums, network_sums_find(observation->network, workload),
		       sizeof(rows[len].sums));
		rows[len++].workload = workload;
	}
	return len;
}

void network_families_write(struct exposition *exposition, const struct observation *observation)
{
	unsigned capacity = workloads_count(observation->workloads);
	AUTO_FREE struct row *rows = calloc(capacity ? capacity : 1, sizeof(*rows));
	size_t len;

	if (!rows)
		return;
	network_sums_refresh(observation->network);
	len = merge_all(rows, fill(rows, observation));
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (!observation->capture->capabilities[families[i].capability].reason)
			write_family(exposition, &families[i], rows, len);
	if (!observation->capture->capabilities[CAPABILITY_TCP_HEALTH].reason)
		write_rtt(exposition, rows, len);
	if (!observation->only_service)
		write_losses(exposition, observation);
}
