// SPDX-License-Identifier: Apache-2.0
// A Docker daemon that we play ourselves, on a socket of our own: up, down, and answering as it is told.
#ifndef RINGSIDE_TESTS_DOCKER_DAEMON_H
#define RINGSIDE_TESTS_DOCKER_DAEMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "buffer.h"

enum { CONNECTIONS_MAX = 32 };

struct connection {
	int fd; ///< -1 if free
	bool close_when_sent;
	struct buffer out;
	size_t sent;    ///< of `out`
	char path[512]; ///< of the request
};

struct daemon {
	char socket[64];
	int listener; ///< -1 while it is down
	struct connection connections[CONNECTIONS_MAX];
	struct connection *stream;
	char asked[64]; ///< the first requests: Events, List, Inspection
	/// What to answer, head and all; NULL keeps the client waiting.
	const char *stream_head;
	const char *(*list)(void);
	const char *(*inspection)(unsigned container);
	unsigned inspections_open, inspections_most;
};

static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Containers are known by a small number, which is the last part of the id.
static inline const char *id_of(unsigned container)
{
	static char ids[4][65];
	static unsigned next;
	char *id = ids[next++ % 4];

	snprintf(id, 65, "%064x", container);
	return id;
}

static inline const char *running(unsigned container, const char *name)
{
	static char answer[1024];
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"Id\":\"%s\",\"Name\":\"/%s\",\"State\":{\"Running\":true,\"Pid\":%u},"
		 "\"Config\":{\"Image\":\"shop:1\",\"Labels\":{\"ringside.service\":\"shop\"}}}",
		 id_of(container), name, 1000 + container);
	snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
		 body);
	return answer;
}

/// The answer with the containers from `first` to `last`.
static inline const char *list_of(unsigned first, unsigned last)
{
	static char answer_text[1 << 20];
	static char body[sizeof(answer_text) - 128];
	size_t len = 0;

	for (unsigned container = first; container <= last; container++)
		len += (size_t)snprintf(body + len, sizeof(body) - len, "%s{\"Id\":\"%s\"}", len ? "," : "",
					id_of(container));
	body[len] = '\0';
	snprintf(answer_text, sizeof(answer_text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n[%s]",
		 len + 2, body);
	return answer_text;
}

static inline const char *list_of_none(void)
{
	return list_of(1, 0);
}

static inline const char *list_of_one(void)
{
	return list_of(1, 1);
}

static inline const char *list_of_two(void)
{
	return list_of(1, 2);
}

static inline const char *list_of_hundred(void)
{
	return list_of(1, 100);
}

static inline const char *plain_inspection(unsigned container)
{
	char name[32];

	snprintf(name, sizeof(name), "c%u", container);
	return running(container, name);
}

static inline const char *renamed_inspection(unsigned container)
{
	return running(container, "renamed");
}

static inline void daemon_up(struct daemon *daemon)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon->socket);
	unlink(daemon->socket);
	daemon->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(daemon->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(daemon->listener, 64), 0);
}

static inline void hang_up(struct daemon *daemon, struct connection *connection)
{
	if (connection->fd < 0)
		return;
	if (connection == daemon->stream)
		daemon->stream = NULL;
	if (strncmp(connection->path, "/containers/0", 13) == 0)
		daemon->inspections_open--;
	close(connection->fd);
	connection->fd = -1;
	buffer_free(&connection->out);
}

static inline void daemon_down(struct daemon *daemon)
{
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		hang_up(daemon, &daemon->connections[i]);
	if (daemon->listener >= 0)
		close(daemon->listener);
	daemon->listener = -1;
	unlink(daemon->socket);
}

static inline void say(struct connection *connection, const char *text)
{
	if (connection && text)
		buffer_text(&connection->out, text);
}

static inline void say_chunk(struct connection *connection, const char *text)
{
	char size[32];

	assert_non_null(connection);
	snprintf(size, sizeof(size), "%zx\r\n", strlen(text));
	say(connection, size);
	say(connection, text);
	say(connection, "\r\n");
}

static inline void say_event(struct daemon *daemon, const char *action, unsigned container)
{
	char event[256];

	snprintf(event, sizeof(event),
		 "{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"%s\"}}\n", action,
		 id_of(container));
	say_chunk(daemon->stream, event);
}

static inline void note(struct daemon *daemon, char request)
{
	size_t len = strlen(daemon->asked);

	if (len + 1 < sizeof(daemon->asked))
		daemon->asked[len] = request;
}

static inline void answer(struct daemon *daemon, struct connection *connection)
{
	unsigned container;

	connection->close_when_sent = true;
	if (strncmp(connection->path, "/events?since=", 14) == 0) {
		note(daemon, 'E');
		connection->close_when_sent = false;
		daemon->stream = connection;
		say(connection, daemon->stream_head);
	} else if (strcmp(connection->path, "/containers/json") == 0) {
		note(daemon, 'L');
		say(connection, daemon->list ? daemon->list() : NULL);
	} else if (sscanf(connection->path, "/containers/%x/json", &container) == 1) {
		note(daemon, 'I');
		if (++daemon->inspections_open > daemon->inspections_most)
			daemon->inspections_most = daemon->inspections_open;
		say(connection, daemon->inspection ? daemon->inspection(container) : NULL);
	} else {
		fail_msg("asked for %s", connection->path);
	}
}

/// A request comes in one piece: it is one short send over a local socket.
static inline void hear(struct daemon *daemon, struct connection *connection)
{
	char request[2048];
	ssize_t len = recv(connection->fd, request, sizeof(request) - 1, MSG_DONTWAIT);

	if (len <= 0) {
		hang_up(daemon, connection);
		return;
	}
	request[len] = '\0';
	assert_non_null(strstr(request, "\r\n\r\n"));
	assert_int_equal(sscanf(request, "GET %511s HTTP/1.1", connection->path), 1);
	answer(daemon, connection);
}

static inline void send_out(struct daemon *daemon, struct connection *connection)
{
	struct buffer *out = &connection->out;
	ssize_t len = send(connection->fd, out->data + connection->sent, out->len - connection->sent,
			   MSG_DONTWAIT | MSG_NOSIGNAL);

	if (len < 0) {
		hang_up(daemon, connection);
		return;
	}
	connection->sent += len;
	if (connection->sent < out->len)
		return;
	buffer_clear(out);
	connection->sent = 0;
	if (connection->close_when_sent)
		hang_up(daemon, connection);
}

static inline void accept_all(struct daemon *daemon)
{
	int fd;

	while ((fd = accept(daemon->listener, NULL, NULL)) >= 0) {
		int i = 0;

		while (i < CONNECTIONS_MAX && daemon->connections[i].fd >= 0)
			i++;
		assert_int_not_equal(i, CONNECTIONS_MAX);
		daemon->connections[i] = (struct connection){.fd = fd};
	}
}

/// The connection that waits for an answer to `path`.
static inline struct connection *waiting(struct daemon *daemon, const char *path)
{
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		if (daemon->connections[i].fd >= 0 && strcmp(daemon->connections[i].path, path) == 0)
			return &daemon->connections[i];
	return NULL;
}

static inline struct connection *waiting_inspection(struct daemon *daemon, unsigned container)
{
	char path[128];

	snprintf(path, sizeof(path), "/containers/%s/json", id_of(container));
	return waiting(daemon, path);
}

#endif
