// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Owns what the programs share: the rings to user space, the counters, the connections, the settings.
#include "early.bpf.h"
#include "tls.bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct rings rings SEC(".maps");
struct counters counters SEC(".maps");
struct connections connections SEC(".maps");
struct ignored ignored SEC(".maps");
struct early_requests early_requests SEC(".maps");
struct places places SEC(".maps");
struct tls_sockets tls_sockets SEC(".maps");
struct tls_connections tls_connections SEC(".maps");
struct tls_sessions tls_sessions SEC(".maps");
struct tls_threads tls_threads SEC(".maps");
struct traffic_sums traffic_sums SEC(".maps");

volatile __u64 early_last_ns = 0;

const volatile __u32 ring_count = 1;
const volatile __u32 own_tgid = 0;
const volatile bool task_in_skb = true;
const volatile bool storage_in_tracing = true;
