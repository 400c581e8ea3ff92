// SPDX-License-Identifier: Apache-2.0
// A daemon, docker.c that follows it and an observer that writes down what it is told, all in this thread.
#ifndef RINGSIDE_TESTS_DOCKER_WORLD_H
#define RINGSIDE_TESTS_DOCKER_WORLD_H

#include <poll.h>
#include <time.h>

#include "docker.h"
#include "docker_daemon.h"

struct world {
	struct daemon daemon;
	struct docker *docker;
	char told[1024]; ///< "+1:name" and "-1" for each call of the observer
	unsigned appeared;
	unsigned runs;
};

static inline void on_container(void *context, const struct docker_container *container)
{
	struct world *world = context;
	size_t len = strlen(world->told);

	assert_string_equal(container->image, "shop:1");
	assert_string_equal(container->service_label, "shop");
	snprintf(world->told + len, sizeof(world->told) - len, "+%lx:%s ", strtoul(container->id, NULL, 16),
		 container->name);
	world->appeared++;
}

static inline void on_gone(void *context, const char *id)
{
	struct world *world = context;
	size_t len = strlen(world->told);

	snprintf(world->told + len, sizeof(world->told) - len, "-%lx ", strtoul(id, NULL, 16));
}

static inline double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/// One round of everybody's work, waiting up to `timeout_ms` for some. Returns whether there was any.
static inline bool turn(struct world *world, int timeout_ms)
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
static inline void settle(struct world *world)
{
	while (turn(world, 50))
		;
}

#define WAIT_FOR(condition, world, seconds)                                        \
	for (double deadline = now_s() + (seconds); !(condition); turn(world, 20)) \
	assert_true(now_s() < deadline)

static inline bool has_trouble(const struct world *world, const char *text)
{
	const char *trouble = docker_trouble(world->docker);

	return trouble && strstr(trouble, text);
}

/// What the observer was told since the last call.
static inline void assert_told(struct world *world, const char *expected)
{
	assert_string_equal(world->told, expected);
	world->told[0] = '\0';
}

static inline void observe(struct world *world)
{
	const struct docker_observer observer = {on_container, on_gone, NULL, world};

	assert_int_equal(docker_new(world->daemon.socket, &observer, &world->docker), 0);
}

static inline struct world *world_new(void)
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

static inline void world_free(struct world *world)
{
	docker_free(world->docker);
	daemon_down(&world->daemon);
	free(world);
}

static inline int world_setup(void **state)
{
	*state = world_new();
	return 0;
}

static inline int world_teardown(void **state)
{
	world_free(*state);
	return 0;
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

#endif
