// SPDX-License-Identifier: Apache-2.0
// Goes through the network namespaces of the host to have the kernel look at all TCP sockets of each: once at
// the start, to count the connections that are older than ringside, and then now and then for the round trips
// of those that stay. The results are tcp_health's.
#ifndef RINGSIDE_TCP_SURVEY_H
#define RINGSIDE_TCP_SURVEY_H

#include <stdint.h>

struct capture;
struct workloads;
struct tcp_survey;

/// Borrows both. -errno.
int tcp_survey_new(struct capture *capture, struct workloads *workloads, struct tcp_survey **ret_survey);
void tcp_survey_free(struct tcp_survey *survey);
/// At the start, in all namespaces that some process is in.
void tcp_survey_inventory(struct tcp_survey *survey);
/// Once a second. Takes samples in some of the namespaces of workloads, in each of them at most every 30 s
/// and only as long as that takes no more than a few milliseconds.
void tcp_survey_tick(struct tcp_survey *survey, uint64_t now_ns);

#endif
