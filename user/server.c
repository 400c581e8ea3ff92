// SPDX-License-Identifier: Apache-2.0
// Runs libmicrohttpd without threads, one daemon for each address, all under one epoll descriptor of run.c's
// loop. Requests go to the endpoint table, answers out through reply.c.
#include "server.h"
#include "clients.h"
#include "listen.h"
#include "log.h"
#include "reply.h"
#include <errno.h>
#include <microhttpd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/// What strangers can make us hold beside clients.h's limits, in bytes where nothing else is said.
enum {
	CLIENT_TIMEOUT_S = 15,         ///< without a byte in either direction
	CLIENT_MEMORY = 16 << 10,      ///< headers of a request; browsers send localhost many cookies
	SEND_BUFFER = 64 << 10,        ///< what the kernel holds of a body beside what waits for slow readers
	REQUEST_BODY_MAX = 64 << 10,   ///< read and thrown away; more is refused
	REQUEST_DISCARD_MAX = 1 << 20, ///< of what is refused, so much is read for politeness
	RUNS_MAX = 16,                 ///< rounds of one server_run for one daemon
};

struct server {
	const struct endpoint *endpoints;
	void *context;
	struct clients clients;
	size_t daemons_len;
	int epoll_fd;
	struct MHD_Daemon *daemons[];
};

static struct client *client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct server *server = context;
	int fd;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		*socket_context = clients_add(&server->clients, fd); // on_request refuses one without
	} else {
		clients_remove(&server->clients, *socket_context);
	}
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
			 enum MHD_RequestTerminationCode code)
{
	struct client *client = client_of(connection);
	struct server *server = context;
	char byte;

	(void)request_context;
	(void)code;
	if (!client)
		return;
	clients_answered(&server->clients, client);
	// A FIN that came together with the request is not seen by libmicrohttpd, which then waits for the
	// time-out.
	if (recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		shutdown(client->fd, SHUT_RDWR);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/// Sends `answer` and takes its body. `allow` is the value of an Allow header or NULL.
static enum MHD_Result respond(struct server *server, struct MHD_Connection *connection,
			       struct server_response *answer, const char *allow)
{
	unsigned status = answer->status ? answer->status : MHD_HTTP_OK;
	struct MHD_Response *response;
	enum MHD_Result result;
	size_t body_len;

	response = reply_new(connection, &answer->body, answer->content_type, allow, &body_len);
	if (!response)
		return MHD_NO;
	clients_answer(&server->clients, client_of(connection), body_len);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result respond_error(struct server *server, struct MHD_Connection *connection,
				     unsigned status, const char *text, const char *allow)
{
	struct server_response answer = {.status = status};

	buffer_text(&answer.body, text);
	return respond(server, connection, &answer, allow);
}

static bool endpoint_covers(const struct endpoint *endpoint, const char *path)
{
	size_t len = strlen(endpoint->path);

	if (len >= 2 && strcmp(endpoint->path + len - 2, "/*") == 0)
		return strncmp(endpoint->path, path, len - 1) == 0;
	return strcmp(endpoint->path, path) == 0;
}

static bool endpoint_answers(const struct endpoint *endpoint, const char *method)
{
	if (strcmp(method, MHD_HTTP_METHOD_HEAD) == 0) // libmicrohttpd leaves the body out
		method = MHD_HTTP_METHOD_GET;
	return strcmp(endpoint->method, method) == 0;
}

/// For a request that no row answers: what the path would take.
static enum MHD_Result respond_unknown(struct server *server, struct MHD_Connection *connection,
				       const char *path)
{
	static const char *const allowed[] = {NULL, "GET, HEAD", "POST", "GET, HEAD, POST"};
	unsigned methods = 0;

	for (const struct endpoint *endpoint = server->endpoints; endpoint->path; endpoint++)
		if (endpoint_covers(endpoint, path))
			methods |= endpoint_answers(endpoint, MHD_HTTP_METHOD_GET) ? 1 : 2;
	if (!methods)
		return respond_error(server, connection, MHD_HTTP_NOT_FOUND, "404 page not found\n", NULL);
	return respond_error(server, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "405 method not allowed\n",
			     allowed[methods]);
}

static enum MHD_Result serve(struct server *server, struct MHD_Connection *connection, const char *path,
			     const char *method)
{
	const struct server_request request = {
		.path = path,
		.accept = header(connection, MHD_HTTP_HEADER_ACCEPT),
		.service = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "service"),
		.host = header(connection, MHD_HTTP_HEADER_HOST),
		.origin = header(connection, MHD_HTTP_HEADER_ORIGIN),
	};
	struct server_response answer = {0};

	for (const struct endpoint *endpoint = server->endpoints; endpoint->path; endpoint++) {
		if (!endpoint_covers(endpoint, path) || !endpoint_answers(endpoint, method))
			continue;
		endpoint->handle(server->context, &request, &answer);
		if (buffer_ok(&answer.body))
			return respond(server, connection, &answer, NULL);
		buffer_free(&answer.body);
		return respond_error(server, connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
				     "500 out of memory\n", NULL);
	}
	return respond_unknown(server, connection, path);
}

static enum MHD_Result respond_too_large(struct server *server, struct MHD_Connection *connection)
{
	return respond_error(server, connection, MHD_HTTP_CONTENT_TOO_LARGE, "413 request body too large\n",
			     NULL);
}

/// Called once when the headers are there, once for each part of a body, once at the end.
/// Answering before the end makes libmicrohttpd close, and closing on unread bytes resets the connection,
/// which can cost the client the answer. So bodies of a bearable size are read to their end first.
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *body, size_t *body_len,
				  void **request_context)
{
	struct server *server = context;
	struct client *client = client_of(connection);
	const char *declared;

	(void)version;
	(void)body;
	if (!client || client->evicted)
		return MHD_NO;
	if (!*request_context) {
		*request_context = client;
		client->request_bytes = 0;
		declared = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
		if (declared && strtoull(declared, NULL, 10) > REQUEST_DISCARD_MAX)
			return respond_too_large(server, connection);
		return MHD_YES;
	}
	if (*body_len > 0) {
		client->request_bytes += *body_len;
		*body_len = 0;
		return client->request_bytes <= REQUEST_DISCARD_MAX ? MHD_YES : MHD_NO;
	}
	if (client->request_bytes > REQUEST_BODY_MAX)
		return respond_too_large(server, connection);
	return serve(server, connection, path, method);
}

static int add_address(struct server *server, const char *address)
{
	struct epoll_event event = {.events = EPOLLIN};
	const int send_buffer = SEND_BUFFER;
	struct MHD_Daemon *daemon;
	int fd, err;

	err = listen_open(address, &fd);
	if (err)
		return err;
	// Accepted sockets inherit it; it may fail, and then the kernel decides.
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
	// The socket is the daemon's from here on: it closes it on failure too. Its own limit of connections
	// only catches evicted ones that are not closed yet.
	daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET,
				  fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CLIENTS_MAX * 2,
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_MEMORY,
				  MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CLIENT_TIMEOUT_S,
				  MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
				  MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_END);
	if (!daemon)
		return log_err(-ENOMEM, "cannot listen on %s: libmicrohttpd does not start", address);
	server->daemons[server->daemons_len++] = daemon;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD,
		      MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, &event) < 0)
		return log_err(-errno, "cannot listen on %s: epoll: %s", address, strerror(errno));
	return 0;
}

int server_new(const char *const *addresses, size_t addresses_len, const struct endpoint *endpoints,
	       void *context, struct server **ret_server)
{
	struct server *server = calloc(1, sizeof(*server) + addresses_len * sizeof(*server->daemons));
	int err = 0;

	if (!server)
		return log_err(-ENOMEM, "cannot start the HTTP server: %s", strerror(ENOMEM));
	server->endpoints = endpoints;
	server->context = context;
	clients_init(&server->clients);
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll_fd < 0)
		err = log_err(-errno, "cannot start the HTTP server: epoll: %s", strerror(errno));
	for (size_t i = 0; i < addresses_len && !err; i++)
		err = add_address(server, addresses[i]);
	if (err)
		server_free(server);
	else
		*ret_server = server;
	return err;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < server->daemons_len; i++)
		MHD_stop_daemon(server->daemons[i]);
	if (server->epoll_fd >= 0)
		close(server->epoll_fd);
	free(server);
}

int server_fd(const struct server *server)
{
	return server->epoll_fd;
}

static int daemon_timeout_ms(struct MHD_Daemon *daemon)
{
	MHD_UNSIGNED_LONG_LONG timeout;

	if (!MHD_get_timeout(daemon, &timeout))
		return -1;
	return timeout < INT32_MAX ? (int)timeout : INT32_MAX;
}

int server_timeout_ms(const struct server *server)
{
	int shortest = -1;

	for (size_t i = 0; i < server->daemons_len; i++) {
		int timeout = daemon_timeout_ms(server->daemons[i]);

		if (timeout >= 0 && (shortest < 0 || timeout < shortest))
			shortest = timeout;
	}
	return shortest;
}

void server_run(struct server *server)
{
	for (size_t i = 0; i < server->daemons_len; i++) {
		// Sockets are edge-triggered inside: a daemon with work left over shows it by a timeout of 0
		// and not by its descriptor. Bounded, so that a busy client does not keep the loop from its
		// other work.
		for (unsigned runs = 0; runs < RUNS_MAX; runs++)
			if (!MHD_run(server->daemons[i]) || daemon_timeout_ms(server->daemons[i]) != 0)
				break;
	}
}
