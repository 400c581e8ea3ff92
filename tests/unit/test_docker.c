// SPDX-License-Identifier: Apache-2.0
// docker.c against a daemon that we play ourselves, in this thread and on a socket of our own: well-behaved,
// absent, hanging, talking nonsense, restarting. Takes about ten seconds, most of them waiting for time-outs.
#include "buffer.h"
#include "docker.h"
#include "log.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { CONNECTIONS_MAX = 32 };

// --- the daemon ---

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
static const char *id_of(unsigned container)
{
	static char ids[4][65];
	static unsigned next;
	char *id = ids[next++ % 4];

	snprintf(id, 65, "%064x", container);
	return id;
}

static const char *running(unsigned container, const char *name)
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
static const char *list_of(unsigned first, unsigned last)
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

static const char *list_of_none(void)
{
	return list_of(1, 0);
}

static const char *list_of_one(void)
{
	return list_of(1, 1);
}

static const char *list_of_two(void)
{
	return list_of(1, 2);
}

static const char *plain_inspection(unsigned container)
{
	char name[32];

	snprintf(name, sizeof(name), "c%u", container);
	return running(container, name);
}

static void daemon_up(struct daemon *daemon)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon->socket);
	unlink(daemon->socket);
	daemon->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(daemon->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(daemon->listener, 64), 0);
}

static void hang_up(struct daemon *daemon, struct connection *connection)
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

static void daemon_down(struct daemon *daemon)
{
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		hang_up(daemon, &daemon->connections[i]);
	if (daemon->listener >= 0)
		close(daemon->listener);
	daemon->listener = -1;
	unlink(daemon->socket);
}

static void say(struct connection *connection, const char *text)
{
	if (connection && text)
		buffer_text(&connection->out, text);
}

static void say_chunk(struct connection *connection, const char *text)
{
	char size[32];

	assert_non_null(connection);
	snprintf(size, sizeof(size), "%zx\r\n", strlen(text));
	say(connection, size);
	say(connection, text);
	say(connection, "\r\n");
}

static void say_event(struct daemon *daemon, const char *action, unsigned container)
{
	char event[256];

	snprintf(event, sizeof(event),
		 "{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"%s\"}}\n", action,
		 id_of(container));
	say_chunk(daemon->stream, event);
}

static void note(struct daemon *daemon, char request)
{
	size_t len = strlen(daemon->asked);

	if (len + 1 < sizeof(daemon->asked))
		daemon->asked[len] = request;
}

static void answer(struct daemon *daemon, struct connection *connection)
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
static void hear(struct daemon *daemon, struct connection *connection)
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

static void send_out(struct daemon *daemon, struct connection *connection)
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

static void accept_all(struct daemon *daemon)
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

// --- the test's side ---

struct world {
	struct daemon daemon;
	struct docker *docker;
	char told[1024]; ///< "+1:name" and "-1" for each call of the observer
	unsigned appeared;
	unsigned runs;
};

static void on_container(void *context, const struct docker_container *container)
{
	struct world *world = context;
	size_t len = strlen(world->told);

	assert_string_equal(container->image, "shop:1");
	assert_string_equal(container->service_label, "shop");
	snprintf(world->told + len, sizeof(world->told) - len, "+%lx:%s ", strtoul(container->id, NULL, 16),
		 container->name);
	world->appeared++;
}

static void on_gone(void *context, const char *id)
{
	struct world *world = context;
	size_t len = strlen(world->told);

	snprintf(world->told + len, sizeof(world->told) - len, "-%lx ", strtoul(id, NULL, 16));
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/// One round of everybody's work, waiting up to `timeout_ms` for some. Returns whether there was any.
static bool turn(struct world *world, int timeout_ms)
{
	struct daemon *daemon = &world->daemon;
	struct pollfd fds[CONNECTIONS_MAX + 2];

	fds[0] = (struct pollfd){.fd = docker_fd(world->docker), .events = POLLIN};
	fds[1] = (struct pollfd){.fd = daemon->listener, .events = POLLIN};
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		fds[2 + i] = (struct pollfd){
			.fd = daemon->connections[i].fd,
			.events = daemon->connections[i].out.len ? POLLIN | POLLOUT : POLLIN,
		};
	bool any = poll(fds, CONNECTIONS_MAX + 2, timeout_ms) > 0;
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *connection = &daemon->connections[i];

		if (connection->fd >= 0 && fds[2 + i].revents & (POLLIN | POLLHUP))
			hear(daemon, connection);
		if (connection->fd >= 0 && fds[2 + i].revents & POLLOUT)
			send_out(daemon, connection);
	}
	if (fds[1].revents)
		accept_all(daemon);
	if (fds[0].revents) {
		docker_run(world->docker);
		world->runs++;
	}
	return any;
}

/// Goes on until nobody has had anything to do for 50 ms.
static void settle(struct world *world)
{
	while (turn(world, 50))
		;
}

#define WAIT_FOR(condition, world, seconds)                                        \
	for (double deadline = now_s() + (seconds); !(condition); turn(world, 20)) \
	assert_true(now_s() < deadline)

static bool has_trouble(const struct world *world, const char *text)
{
	const char *trouble = docker_trouble(world->docker);

	return trouble && strstr(trouble, text);
}

/// What the observer was told since the last call.
static void assert_told(struct world *world, const char *expected)
{
	assert_string_equal(world->told, expected);
	world->told[0] = '\0';
}

static void observe(struct world *world)
{
	const struct docker_observer observer = {on_container, on_gone, world};

	assert_int_equal(docker_new(world->daemon.socket, &observer, &world->docker), 0);
}

static struct world *world_new(void)
{
	static unsigned number;
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	snprintf(world->daemon.socket, sizeof(world->daemon.socket), "/tmp/ringside-docker-%d-%u.sock",
		 getpid(), number++);
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		world->daemon.connections[i].fd = -1;
	world->daemon.stream_head = chunked;
	world->daemon.list = list_of_two;
	world->daemon.inspection = plain_inspection;
	daemon_up(&world->daemon);
	return world;
}

static void world_free(struct world *world)
{
	docker_free(world->docker);
	daemon_down(&world->daemon);
	free(world);
}

static int setup(void **state)
{
	*state = world_new();
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

// --- following ---

static void the_list_comes_after_the_stream_and_then_one_inspection_each(void **state)
{
	struct world *world = *state;

	observe(world);
	assert_false(docker_listed(world->docker));
	assert_non_null(docker_trouble(world->docker));
	settle(world);
	assert_string_equal(world->daemon.asked, "ELII");
	assert_told(world, "+1:c1 +2:c2 ");
	assert_true(docker_listed(world->docker));
	assert_null(docker_trouble(world->docker));
}

static void events_are_followed(void **state)
{
	struct world *world = *state;

	observe(world);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 ");
	say_event(&world->daemon, "start", 3);
	settle(world);
	assert_told(world, "+3:c3 ");
	say_event(&world->daemon, "die", 2);
	say_event(&world->daemon, "destroy", 2);
	settle(world);
	assert_told(world, "-2 ");
	say_event(&world->daemon, "exec_create: sh", 1);
	say_event(&world->daemon, "die", 9);
	settle(world);
	assert_told(world, "");
	assert_string_equal(world->daemon.asked, "ELIII");
}

static const char *renamed_inspection(unsigned container)
{
	return running(container, "renamed");
}

static void only_changed_facts_are_told_again(void **state)
{
	struct world *world = *state;

	observe(world);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 ");
	say_event(&world->daemon, "update", 1);
	settle(world);
	assert_told(world, "");
	world->daemon.inspection = renamed_inspection;
	say_event(&world->daemon, "rename", 1);
	settle(world);
	assert_told(world, "+1:renamed ");
}

static void events_in_one_packet_and_in_pieces_are_both_read(void **state)
{
	struct world *world = *state;
	char event[256];

	world->daemon.list = list_of_none;
	observe(world);
	settle(world);
	say_event(&world->daemon, "start", 1);
	say_event(&world->daemon, "start", 2);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 ");
	snprintf(event, sizeof(event),
		 "\n{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"%s\"}}\n", id_of(1));
	for (size_t i = 0; event[i]; i++) {
		say_chunk(world->daemon.stream, (char[]){event[i], '\0'});
		turn(world, 0);
	}
	settle(world);
	assert_told(world, "-1 ");
}

/// The connection that waits for an answer to `path`.
static struct connection *waiting(struct daemon *daemon, const char *path)
{
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		if (daemon->connections[i].fd >= 0 && strcmp(daemon->connections[i].path, path) == 0)
			return &daemon->connections[i];
	return NULL;
}

static struct connection *waiting_inspection(struct daemon *daemon, unsigned container)
{
	char path[128];

	snprintf(path, sizeof(path), "/containers/%s/json", id_of(container));
	return waiting(daemon, path);
}

static void a_container_that_starts_while_the_list_is_made_is_kept(void **state)
{
	struct world *world = *state;

	world->daemon.list = NULL;
	observe(world);
	settle(world);
	assert_string_equal(world->daemon.asked, "EL");
	say_event(&world->daemon, "start", 3);
	settle(world);
	assert_told(world, "+3:c3 ");
	say(waiting(&world->daemon, "/containers/json"), list_of_one());
	settle(world);
	assert_told(world, "+1:c1 ");
}

static void a_container_that_dies_during_its_inspection_is_never_told(void **state)
{
	struct world *world = *state;

	world->daemon.inspection = NULL;
	world->daemon.list = list_of_one;
	observe(world);
	settle(world);
	assert_non_null(waiting_inspection(&world->daemon, 1));
	say_event(&world->daemon, "die", 1);
	settle(world);
	assert_null(waiting_inspection(&world->daemon, 1)); // given up
	assert_told(world, "");
	assert_true(docker_listed(world->docker));
}

static const char *stopped(unsigned container)
{
	static char text[256];
	char body[160];

	snprintf(body, sizeof(body), "{\"Id\":\"%s\",\"State\":{\"Running\":false,\"Pid\":0}}",
		 id_of(container));
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
	return text;
}

static void an_answer_that_an_event_has_overtaken_is_not_believed(void **state)
{
	struct world *world = *state;

	world->daemon.inspection = NULL;
	world->daemon.list = list_of_none;
	observe(world);
	settle(world);
	say_event(&world->daemon, "rename", 1); // of a container that does not run yet
	settle(world);
	say_event(&world->daemon, "start", 1);
	settle(world);
	world->daemon.inspection = plain_inspection;
	say(waiting_inspection(&world->daemon, 1), stopped(1));
	settle(world);
	assert_told(world, "+1:c1 ");
}

static const char *vanished(unsigned container)
{
	(void)container;
	return "HTTP/1.1 404 Not Found\r\nContent-Length: 32\r\n\r\n{\"message\":\"No such container\"}\n\n";
}

static const char *broken(unsigned container)
{
	return container == 1 ? "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
			      : plain_inspection(container);
}

static void a_container_that_cannot_be_inspected_hides_no_other(void **state)
{
	struct world *world = *state;

	world->daemon.inspection = broken;
	observe(world);
	settle(world);
	assert_told(world, "+2:c2 ");
	assert_true(docker_listed(world->docker));
	assert_null(docker_trouble(world->docker));
	world->daemon.inspection = vanished;
	say_event(&world->daemon, "update", 2);
	settle(world);
	assert_told(world, "-2 ");
	world->daemon.inspection = stopped;
	say_event(&world->daemon, "rename", 3);
	settle(world);
	assert_told(world, "");
}

// --- limits ---

static const char *list_of_hundred(void)
{
	return list_of(1, 100);
}

static void at_most_eight_inspections_are_under_way(void **state)
{
	struct world *world = *state;

	world->daemon.list = list_of_hundred;
	world->daemon.inspection = NULL;
	observe(world);
	settle(world);
	assert_int_equal(world->daemon.inspections_open, 8);
	assert_false(docker_listed(world->docker));
	world->daemon.inspection = plain_inspection;
	for (unsigned container = 1; container <= 8; container++)
		say(waiting_inspection(&world->daemon, container), plain_inspection(container));
	settle(world);
	assert_int_equal(world->appeared, 100);
	assert_in_range(world->daemon.inspections_most, 8, 9); // the client may be ahead of our close
	assert_true(docker_listed(world->docker));
}

static const char *list_of_too_many(void)
{
	return list_of(1, 10050);
}

static void ten_thousand_containers_are_followed_and_no_more(void **state)
{
	struct world *world = *state;

	world->daemon.list = list_of_too_many;
	observe(world);
	WAIT_FOR(docker_listed(world->docker), world, 60);
	assert_int_equal(world->appeared, 10000);
	world->told[0] = '\0';
	say_event(&world->daemon, "start", 10060);
	settle(world);
	assert_told(world, "");
	say_event(&world->daemon, "die", 1);
	say_event(&world->daemon, "start", 10060);
	settle(world);
	assert_told(world, "-1 +274c:c10060 ");
}

static void say_much(struct connection *connection, const char *head, size_t size)
{
	char *text = malloc(size + 1);

	assert_non_null(text);
	memset(text, 'x', size);
	text[size] = '\0';
	say(connection, head);
	say(connection, text);
	free(text);
}

static void an_event_beyond_1_mib_ends_the_connection_and_a_new_one_is_made(void **state)
{
	struct world *world = *state;

	observe(world);
	settle(world);
	say_much(world->daemon.stream, "110000\r\n", 0x110000);
	WAIT_FOR(has_trouble(world, "larger than 1048576 bytes"), world, 5);
	WAIT_FOR(!docker_trouble(world->docker), world, 5);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 ");
}

static void a_list_beyond_32_mib_is_refused(void **state)
{
	struct world *world = *state;

	world->daemon.list = NULL;
	observe(world);
	settle(world);
	say_much(waiting(&world->daemon, "/containers/json"), "HTTP/1.1 200 OK\r\n\r\n", 33 << 20);
	WAIT_FOR(has_trouble(world, "larger than 33554432 bytes"), world, 5);
	assert_true(docker_listed(world->docker));
}

// --- a daemon in trouble ---

static void an_absent_daemon_is_known_at_once_and_found_later(void **state)
{
	struct world *world = *state;

	daemon_down(&world->daemon);
	observe(world);
	WAIT_FOR(docker_listed(world->docker), world, 1);
	assert_true(has_trouble(world, "no socket at /tmp/ringside-docker-"));
	daemon_up(&world->daemon);
	WAIT_FOR(!docker_trouble(world->docker), world, 2);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 ");
}

static void a_socket_that_nobody_listens_on_is_trouble(void **state)
{
	struct world *world = *state;

	close(world->daemon.listener);
	world->daemon.listener = -1;
	observe(world);
	WAIT_FOR(docker_listed(world->docker), world, 1);
	assert_true(has_trouble(world, "cannot connect to /tmp/ringside-docker-"));
	assert_true(has_trouble(world, ": Connection refused"));
}

static void a_socket_path_that_is_too_long_is_trouble(void **state)
{
	struct world *world = *state;
	const struct docker_observer observer = {on_container, on_gone, world};
	char path[512];

	snprintf(path, sizeof(path), "/%0*d", 300, 1);
	assert_int_equal(docker_new(path, &observer, &world->docker), 0);
	WAIT_FOR(docker_listed(world->docker), world, 1);
	assert_non_null(docker_trouble(world->docker));
}

/// Daemons that are each stuck at another step, at once to save time, and one that is well.
static void a_daemon_that_hangs_at_any_step_is_given_up_after_5_s(void **state)
{
	enum { STREAM, LIST, INSPECTION, ACCEPT, WELL, WORLDS };
	struct world *worlds[WORLDS];
	double given_up[WORLDS] = {0}, start = now_s();

	(void)state;
	for (int i = 0; i < WORLDS; i++)
		worlds[i] = world_new();
	worlds[STREAM]->daemon.stream_head = NULL;
	worlds[LIST]->daemon.list = NULL;
	worlds[INSPECTION]->daemon.list = list_of_hundred;
	worlds[INSPECTION]->daemon.inspection = NULL;
	int never_accepts = worlds[ACCEPT]->daemon.listener;
	worlds[ACCEPT]->daemon.listener = -1;
	for (int i = 0; i < WORLDS; i++)
		observe(worlds[i]);
	while (now_s() - start < 5.6)
		for (int i = 0; i < WORLDS; i++) {
			turn(worlds[i], 5);
			if (!given_up[i] && has_trouble(worlds[i], "no answer from /tmp/ringside-docker-"))
				given_up[i] = now_s() - start;
		}
	for (int i = 0; i < WELL; i++) {
		assert_true(given_up[i] > 4.9);
		assert_true(docker_listed(worlds[i]->docker));
		assert_true(worlds[i]->runs < 100); // it slept
		assert_told(worlds[i], "");
	}
	assert_string_equal(worlds[STREAM]->daemon.asked, "E");
	assert_string_equal(worlds[LIST]->daemon.asked, "EL");
	assert_string_equal(worlds[INSPECTION]->daemon.asked, "ELIIIIIIII"); // 8, the others were not tried
	assert_string_equal(worlds[WELL]->daemon.asked, "ELII");
	assert_null(docker_trouble(worlds[WELL]->docker));
	close(never_accepts);
	for (int i = 0; i < WORLDS; i++)
		world_free(worlds[i]);
}

static void a_full_backlog_is_trouble_and_no_busy_loop(void **state)
{
	struct world *world = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fds[8], listener = world->daemon.listener;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world->daemon.socket);
	assert_int_equal(listen(listener, 0), 0);
	for (int i = 0; i < 8; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&address, sizeof(address));
	}
	world->daemon.listener = -1;
	observe(world);
	WAIT_FOR(docker_listed(world->docker), world, 6);
	assert_non_null(docker_trouble(world->docker));
	assert_true(world->runs < 100);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	world->daemon.listener = listener;
}

static const char *list_of_three(void)
{
	return list_of(1, 3);
}

static const char *second_is_renamed(unsigned container)
{
	return container == 2 ? renamed_inspection(container) : plain_inspection(container);
}

static void a_restart_reports_what_has_changed_or_is_gone_and_nothing_else(void **state)
{
	struct world *world = *state;

	world->daemon.list = list_of_three;
	observe(world);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 +3:c3 ");
	say(world->daemon.stream, "40\r\n{\"Type\":\"container\",\"Act"); // it ends in mid-line
	settle(world);
	daemon_down(&world->daemon);
	WAIT_FOR(docker_trouble(world->docker), world, 1);
	assert_told(world, "");
	assert_true(docker_listed(world->docker));

	world->daemon.list = list_of_two;
	world->daemon.inspection = second_is_renamed;
	daemon_up(&world->daemon);
	WAIT_FOR(!docker_trouble(world->docker), world, 5);
	settle(world);
	assert_told(world, "-3 +2:renamed ");
	say_event(&world->daemon, "die", 1);
	settle(world);
	assert_told(world, "-1 ");
}

static void a_stream_that_ends_properly_is_opened_again(void **state)
{
	struct world *world = *state;

	observe(world);
	settle(world);
	say(world->daemon.stream, "0\r\n\r\n");
	WAIT_FOR(has_trouble(world, "closed the stream of events"), world, 1);
	WAIT_FOR(!docker_trouble(world->docker), world, 2);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 ");
}

static void garbage_in_the_stream_is_passed_over(void **state)
{
	struct world *world = *state;

	observe(world);
	settle(world);
	say_chunk(world->daemon.stream, "\x01\xff garbage \"\n{}\n[]\nnull\n{\"Type\":\"container\"}\n");
	say_event(&world->daemon, "die", 1);
	settle(world);
	assert_told(world, "+1:c1 +2:c2 -1 ");
	assert_null(docker_trouble(world->docker));
}

static const char *list_of_nonsense(void)
{
	return "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>";
}

static void a_list_that_is_none_is_trouble(void **state)
{
	struct world *world = *state;

	world->daemon.list = list_of_nonsense;
	observe(world);
	settle(world);
	assert_true(has_trouble(world, "the list of containers is not one"));
	assert_true(docker_listed(world->docker));
}

static void what_is_no_http_is_trouble(void **state)
{
	struct world *world = *state;

	world->daemon.stream_head = "SSH-2.0-OpenSSH_9.2\r\n";
	observe(world);
	settle(world);
	assert_true(has_trouble(world, "HTTP/0.9"));
	assert_true(docker_listed(world->docker));
}

static void a_refusal_is_quoted(void **state)
{
	struct world *world = *state;

	world->daemon.stream_head =
		"HTTP/1.1 403 Forbidden\r\nContent-Length: 22\r\n\r\n{\"message\":\"not here\"}\n";
	observe(world);
	settle(world);
	assert_true(has_trouble(world, "answered HTTP 403: not here"));
	assert_true(docker_listed(world->docker));
}

static void a_redirect_is_not_followed(void **state)
{
	struct world *world = *state;

	world->daemon.stream_head =
		"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
	observe(world);
	settle(world);
	assert_true(has_trouble(world, "answered HTTP 301"));
}

static void it_can_be_freed_at_any_moment(void **state)
{
	(void)state;
	for (int turns = 0; turns < 24; turns++) {
		struct world *world = world_new();

		world->daemon.list = list_of_hundred;
		observe(world);
		for (int i = 0; i < turns; i++)
			turn(world, 5);
		world_free(world);
	}
	docker_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_list_comes_after_the_stream_and_then_one_inspection_each),
		TEST(events_are_followed),
		TEST(only_changed_facts_are_told_again),
		TEST(events_in_one_packet_and_in_pieces_are_both_read),
		TEST(a_container_that_starts_while_the_list_is_made_is_kept),
		TEST(a_container_that_dies_during_its_inspection_is_never_told),
		TEST(an_answer_that_an_event_has_overtaken_is_not_believed),
		TEST(a_container_that_cannot_be_inspected_hides_no_other),
		TEST(at_most_eight_inspections_are_under_way),
		TEST(ten_thousand_containers_are_followed_and_no_more),
		TEST(an_event_beyond_1_mib_ends_the_connection_and_a_new_one_is_made),
		TEST(a_list_beyond_32_mib_is_refused),
		TEST(an_absent_daemon_is_known_at_once_and_found_later),
		TEST(a_socket_that_nobody_listens_on_is_trouble),
		TEST(a_socket_path_that_is_too_long_is_trouble),
		cmocka_unit_test(a_daemon_that_hangs_at_any_step_is_given_up_after_5_s),
		TEST(a_full_backlog_is_trouble_and_no_busy_loop),
		TEST(a_restart_reports_what_has_changed_or_is_gone_and_nothing_else),
		TEST(a_stream_that_ends_properly_is_opened_again),
		TEST(garbage_in_the_stream_is_passed_over),
		TEST(a_list_that_is_none_is_trouble),
		TEST(what_is_no_http_is_trouble),
		TEST(a_refusal_is_quoted),
		TEST(a_redirect_is_not_followed),
		cmocka_unit_test(it_can_be_freed_at_any_moment),
	};

	log_configure(LOG_ERROR, LOG_LOGFMT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
