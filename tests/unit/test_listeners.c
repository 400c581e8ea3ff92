// SPDX-License-Identifier: Apache-2.0
// Who listens: real processes, found by a look at /proc, then what the kernel's events say of them.
#include "listeners.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "event.h"
#include "monotonic.h"
#include "services.h"

#define NOBODY (1 << 23) /* beyond the kernel's limit of numbers */

struct world {
	struct services *services;
	struct listeners *listeners;
	pid_t first, second;
	uint16_t port; ///< of both, host byte order
};

static void on_exchange(void *context, struct service *service, const struct exchange *exchange)
{
	(void)context, (void)service, (void)exchange;
}

static void on_over(void *context, struct service *service)
{
	(void)context, (void)service;
}

/* Port 0 takes a free one. */
static int open_listener(const char *address, uint16_t *port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(*port)};
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, address, &name.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	*port = ntohs(name.sin_port);
	return fd;
}

/* A process that does nothing but hold the socket, called as its environment says. Returns after its exec. */
static pid_t start(const char *variable, const char *address, uint16_t *port)
{
	char *const arguments[] = {"sleep", "60", NULL}, *const environment[] = {(char *)variable, NULL};
	int fd = open_listener(address, port), executed[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(executed, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		execve("/bin/sleep", arguments, environment);
		_exit(1);
	}
	close(fd);
	close(executed[1]);
	assert_int_equal(read(executed[0], &byte, 1), 0);
	close(executed[0]);
	return pid;
}

static int set_up(void **state)
{
	static struct world world;
	const struct services_options options = {.on_exchange = on_exchange, .on_over = on_over};

	world = (struct world){0};
	world.first = start("OTEL_SERVICE_NAME=first", "127.0.0.1", &world.port);
	world.second = start("OTEL_SERVICE_NAME=second", "127.0.0.2", &world.port);
	assert_int_equal(services_new(&options, &world.services), 0);
	assert_int_equal(listeners_new(world.services, -1, &world.listeners), 0);
	*state = &world;
	return listeners_scan(world.listeners);
}

static int tear_down(void **state)
{
	struct world *world = *state;

	listeners_free(world->listeners);
	services_free(world->services);
	kill(world->first, SIGKILL);
	kill(world->second, SIGKILL);
	waitpid(world->first, NULL, 0);
	waitpid(world->second, NULL, 0);
	return 0;
}

static unsigned listens(const struct world *world, const char *name)
{
	for (const struct service *each = services_first(world->services); each; each = each->hh.next)
		if (!strcmp(each->name, name))
			return each->listeners;
	return 0;
}

static uint32_t own_namespace(void)
{
	struct stat status;

	assert_int_equal(stat("/proc/self/ns/net", &status), 0);
	return status.st_ino;
}

static void tell(const struct world *world, const char *address, uint16_t port, pid_t pid)
{
	struct listen_event event = {
		.header = {.time_ns = monotonic_ns(), .kind = EVENT_LISTEN, .netns = own_namespace()},
		.tgid = pid,
		.port = port,
		.family = AF_INET,
	};
	char mapped[64];

	event.header.flags = pid ? 0 : EVENT_LISTEN_END;
	snprintf(mapped, sizeof(mapped), "::ffff:%s", address);
	assert_int_equal(inet_pton(AF_INET6, mapped, event.address), 1);
	listeners_on_event(world->listeners, &event);
}

static void two_services_share_a_port_at_two_addresses(void **state)
{
	const struct world *world = *state;

	assert_int_equal(listens(world, "first"), 1);
	assert_int_equal(listens(world, "second"), 1);
	assert_int_equal(listeners_table_full(world->listeners), 0);
}

static void the_end_of_one_leaves_the_other(void **state)
{
	const struct world *world = *state;

	tell(world, "127.0.0.1", world->port, 0);
	assert_int_equal(listens(world, "first"), 0);
	assert_int_equal(listens(world, "second"), 1);
	tell(world, "127.0.0.1", world->port, world->first);
	assert_int_equal(listens(world, "first"), 1);
}

/* Workers with a socket each (SO_REUSEPORT). */
static void sockets_of_one_address_end_with_the_last(void **state)
{
	const struct world *world = *state;

	tell(world, "127.0.0.2", world->port, world->second);
	tell(world, "127.0.0.2", world->port, 0);
	assert_int_equal(listens(world, "second"), 1);
	tell(world, "127.0.0.2", world->port, 0);
	assert_int_equal(listens(world, "second"), 0);
	tell(world, "127.0.0.2", world->port, 0); /* never heard of */
	assert_int_equal(listens(world, "second"), 0);
}

static void what_has_no_room_is_counted(void **state)
{
	const struct world *world = *state;
	char address[20];

	for (unsigned i = 0; i < LISTENERS_MAX + 2; i++) {
		snprintf(address, sizeof(address), "127.1.%u.%u", i >> 8, i & 0xff);
		tell(world, address, 80, NOBODY);
	}
	/* The table had some already. */
	assert_true(listeners_table_full(world->listeners) >= 4);
	assert_int_equal(listens(world, "first"), 1);
	assert_int_equal(listeners_scan(world->listeners), 0);
	assert_int_equal(listens(world, "second"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(two_services_share_a_port_at_two_addresses, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_end_of_one_leaves_the_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sockets_of_one_address_end_with_the_last, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_has_no_room_is_counted, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
