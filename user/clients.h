// SPDX-License-Identifier: Apache-2.0
// Who is connected to the server, and what all of them together may make us hold. There is no limit for each
// client address: every scraper on this host, and everything behind a proxy, shares one, and could be locked
// out by a neighbour. Instead, whoever has been silent for longest makes room: 300 idle connections cost the
// 44 oldest of them their place, and never a scrape.
#ifndef RINGSIDE_CLIENTS_H
#define RINGSIDE_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

enum {
	CLIENTS_MAX = 256,
	RESPONSES_BYTES_MAX = 32 << 20, ///< bodies that wait for slow readers, all together
};

/// One connection. In `clients.list`, the one that asked or came last at the end, unless it was evicted.
struct client {
	TAILQ_ENTRY(client) link;
	size_t request_bytes;  ///< of the current request's body; the server's to count
	size_t response_bytes; ///< of the answer being sent
	int fd;                ///< borrowed
	bool evicted;          ///< hung up on, not closed yet
};

struct clients {
	TAILQ_HEAD(client_list, client) list;
	size_t len;
	size_t response_bytes;
};

void clients_init(struct clients *clients);
/// A new connection, for which the oldest make room. NULL if there is no memory.
struct client *clients_add(struct clients *clients, int fd);
/// The connection is closed. Frees the client; NULL is accepted.
void clients_remove(struct clients *clients, struct client *client);
/// An answer of so many bytes is to be sent: the client, who is not evicted, counts as the youngest.
void clients_answer(struct clients *clients, struct client *client, size_t bytes);
/// The answer is sent, or never will be.
void clients_answered(struct clients *clients, struct client *client);

#endif
