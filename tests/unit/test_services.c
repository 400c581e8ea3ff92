// SPDX-License-Identifier: Apache-2.0
// What this process is called, by the ports that it was met at and by its container, and when that changes.
#include "services.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "docker.h"

static struct service_stats *const some = (struct service_stats *)1;

static void on_exchange(void *context, struct service *service, const struct exchange *exchange)
{
	(void)context, (void)exchange;
	service->stats = some;
}

static unsigned over;

static void on_over(void *context, struct service *service)
{
	(void)context;
	assert_ptr_equal(service->stats, some);
	over++;
}

static struct services *services_with(const struct config *config)
{
	const struct services_options options = {
		.config = config, .on_exchange = on_exchange, .on_over = on_over};
	struct services *services;

	assert_int_equal(services_new(&options, &services), 0);
	return services;
}

static const char *name_at(struct services *services, uint16_t port)
{
	struct service *service = services_of_process(services, getpid(), port);

	assert_non_null(service);
	return service->name;
}

static struct config_service shop = {.name = "shop", .match = {.port = 8080}};
static const struct config by_port = {.services = &shop, .services_len = 1};

static void any_port_of_a_process_may_name_it(void **state)
{
	struct services *services = services_with(&by_port);

	(void)state;
	assert_string_not_equal(name_at(services, 9090), "shop");
	assert_int_equal(services_renamings(services), 0);
	assert_string_equal(name_at(services, 8080), "shop");
	assert_int_equal(services_renamings(services), 1);
	assert_string_equal(name_at(services, 9090), "shop");
	assert_string_equal(name_at(services, 0), "shop");
	services_free(services);
}

/* It listens on its second port: what it was called is found anew, by both. */
static void a_port_is_remembered_behind_the_next(void **state)
{
	struct services *services = services_with(&by_port);

	(void)state;
	assert_string_equal(name_at(services, 8080), "shop");
	services_forget_process(services, getpid());
	assert_string_equal(name_at(services, 9090), "shop");
	assert_int_equal(services_renamings(services), 0);
	services_free(services);
}

static void a_new_configuration_names_by_the_ports_that_are_known(void **state)
{
	static const struct config none;
	struct services *services = services_with(&none);

	(void)state;
	assert_string_not_equal(name_at(services, 8080), "shop");
	services_configure(services, &by_port);
	assert_string_equal(name_at(services, 9090), "shop");
	assert_int_equal(services_renamings(services), 1);
	services_free(services);
}

static void a_process_that_is_not_there_is_nobody(void **state)
{
	struct services *services = services_with(&by_port);

	(void)state;
	assert_null(services_of_process(services, 1 << 23, 8080)); /* beyond the kernel's limit of numbers */
	services_free(services);
}

/* Nobody was seen to read what "(unknown)" is asked. */
static void a_service_is_over_five_minutes_after_its_last_request(void **state)
{
	const struct exchange exchange = {.status = 200, .local_port = 80};
	struct services *services = services_with(NULL);
	uint64_t second = 1000000000;

	(void)state;
	over = 0;
	for (unsigned minute = 1; minute <= 20; minute++) {
		services_on_exchange(services, &exchange);
		services_tick(services, false, minute * 60 * second);
	}
	services_tick(services, false, (20 * 60 + 299) * second);
	assert_int_equal(over, 0);
	services_tick(services, false, (20 * 60 + 300) * second);
	assert_int_equal(over, 1);
	assert_null(services_first(services));
	services_on_exchange(services, &exchange); /* and comes again */
	assert_non_null(services_first(services));
	services_free(services);
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* From here on /proc says that this process is in a container. */
static void enter_container(void)
{
	static const char cgroup[] = "0::/system.slice/docker-" ID ".scope\n";
	char path[64], source[] = "/tmp/ringside-services-XXXXXX";
	int fd = mkstemp(source);
	bool able;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", getpid());
	assert_int_equal(write(fd, cgroup, strlen(cgroup)), strlen(cgroup));
	close(fd);
	able = !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount(source, path, NULL, MS_BIND, NULL);
	unlink(source);
	if (!able)
		skip();
}

/* Docker was not there when its process was met. */
static void a_container_that_is_named_later_renames_its_processes(void **state)
{
	static const struct config none;
	const struct docker_container web = {
		.id = ID,
		.name = "web",
		.image = "",
		.service_label = "",
		.compose_service = "",
		.compose_project = "",
		.orchestrator_service = "",
	};
	struct services *services = services_with(&none);

	(void)state;
	enter_container();
	services_tick(services, false, 1);
	assert_string_not_equal(name_at(services, 8080), "web");
	services_on_container(services, &web);
	assert_int_equal(services_renamings(services), 1);
	assert_string_equal(name_at(services, 8080), "web");
	services_free(services);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_port_of_a_process_may_name_it),
		cmocka_unit_test(a_port_is_remembered_behind_the_next),
		cmocka_unit_test(a_new_configuration_names_by_the_ports_that_are_known),
		cmocka_unit_test(a_process_that_is_not_there_is_nobody),
		cmocka_unit_test(a_service_is_over_five_minutes_after_its_last_request),
		cmocka_unit_test(
			a_container_that_is_named_later_renames_its_processes), /* last: it stays there */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
