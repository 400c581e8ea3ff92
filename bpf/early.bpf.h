/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Requests that arrive with the handshake's last segment (TCP_DEFER_ACCEPT, a lost ACK, a full accept queue).
 * The kernel shows that segment to the listening socket's filters only, before the connection has a socket of
 * its own. So what it carries is kept here by address until the connection appears. */
#ifndef RINGSIDE_EARLY_BPF_H
#define RINGSIDE_EARLY_BPF_H

#include "segment.bpf.h"

struct early_key {
	__u8 remote_address[16];
	__u16 remote_port;
	__u16 local_port;
	__u32 netns;
};

struct early_request {
	__u64 arrival_ns;
	__u32 seq;
	__u32 request_bytes;
	__u32 request_len;
	__u32 reserved;
	__u8 request[REQUEST_CAPTURE_MAX];
};

/* Filled by whoever connects; least recently used first out. An entry lives for microseconds. */
struct early_requests {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct early_key);
	__type(value, struct early_request);
};
extern struct early_requests early_requests SEC(".maps");

/* Since when the map may hold something: connections look only then. */
extern volatile __u64 early_last_ns;

#define EARLY_LIFE_NS 10000000000ULL

static __always_inline bool early_worth_a_look(__u64 now)
{
	return early_last_ns && now - early_last_ns < EARLY_LIFE_NS;
}

/* If a request came for this new connection before it had a socket, make the connection wait for its answer.
 * `connection` is fresh, its addresses are filled. */
static __always_inline bool early_claim(struct connection *connection)
{
	struct early_key key = {};
	struct early_request *request;

	__builtin_memcpy(key.remote_address, connection->at.remote_address, 16);
	key.remote_port = connection->at.remote_port;
	key.local_port = connection->at.local_port;
	key.netns = connection->at.netns;
	request = bpf_map_lookup_elem(&early_requests, &key);
	if (!request || !request->request_len)
		return false;
	connection->arrival_ns = request->arrival_ns;
	connection->first_seq = request->seq;
	connection->request_end = request->request_bytes;
	connection->request_len = request->request_len;
	__builtin_memcpy(connection->request, request->request, REQUEST_CAPTURE_MAX);
	connection_wait(connection);
	bpf_map_delete_elem(&early_requests, &key);
	return true;
}

#endif
