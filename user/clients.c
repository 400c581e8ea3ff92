// SPDX-License-Identifier: Apache-2.0
// Keeps the server's connections in the order in which they were last heard of, and hangs up on the oldest
// where there are too many or too much waits to be sent. The server tells it of every connection and every
// answer.
#include "clients.h"

#include <stdlib.h>
#include <sys/socket.h>

static void hold(struct clients *clients, struct client *client, size_t bytes)
{
	clients->response_bytes += bytes - client->response_bytes;
	client->response_bytes = bytes;
}

static void forget(struct clients *clients, struct client *client)
{
	TAILQ_REMOVE(&clients->list, client, link);
	clients->len--;
	hold(clients, client, 0);
}

/// The youngest always stays: it is being served.
static void evict_oldest(struct clients *clients)
{
	const struct linger reset = {.l_onoff = 1};

	while (clients->len > 1 &&
	       (clients->len > CLIENTS_MAX || clients->response_bytes > RESPONSES_BYTES_MAX)) {
		struct client *oldest = TAILQ_FIRST(&clients->list);

		forget(clients, oldest);
		oldest->evicted = true;
		// libmicrohttpd has no call for it: it takes the hang-up for the client's and closes. The
		// reset makes the kernel forget what it still has to send.
		setsockopt(oldest->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		shutdown(oldest->fd, SHUT_RDWR);
	}
}

void clients_init(struct clients *clients)
{
	*clients = (struct clients){.len = 0};
	TAILQ_INIT(&clients->list);
}

struct client *clients_add(struct clients *clients, int fd)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->fd = fd;
	TAILQ_INSERT_TAIL(&clients->list, client, link);
	clients->len++;
	evict_oldest(clients);
	return client;
}

void clients_remove(struct clients *clients, struct client *client)
{
	if (client && !client->evicted)
		forget(clients, client);
	free(client);
}

void clients_answer(struct clients *clients, struct client *client, size_t bytes)
{
	TAILQ_REMOVE(&clients->list, client, link);
	TAILQ_INSERT_TAIL(&clients->list, client, link);
	hold(clients, client, bytes);
	evict_oldest(clients);
}

void clients_answered(struct clients *clients, struct client *client)
{
	if (!client->evicted)
		hold(clients, client, 0);
}
