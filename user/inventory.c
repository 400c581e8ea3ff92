// SPDX-License-Identifier: Apache-2.0
// Prints, once, what ringside found on the host: an engineer's first check that it sees what it should.
#include "inventory.h"

#include <stdio.h>

#include "capture.h"
#include "docker.h"
#include "observation.h"
#include "services.h"
#include "tls_files.h"
#include "tls_processes.h"

static void print_trouble(const char *name, const char *reason)
{
	if (reason)
		printf("%s: off, %s\n", name, reason);
}

void inventory_print(const struct observation *observation)
{
	const struct tls_files *libraries = tls_processes_files(observation->tls);
	const struct capture *capture = observation->capture;
	unsigned found = 0;

	for (const struct service *service = services_first(observation->services); service;
	     service = service->hh.next) {
		if (service->hidden || !service->listeners)
			continue;
		if (!found++)
			printf("%-24s %-24s %-8s %s\n", "CONTAINER", "SERVICE", "RUNTIME", "CAPTURED");
		/* Which protocol a port speaks shows with its first bytes: until then all are candidates. */
		printf("%-24.24s %-24.24s %-8s %s\n", service->container[0] ? service->container : "-",
		       service->name, runtime_name(service->runtime),
		       capture->capabilities[CAPABILITY_TLS].reason
			       ? "HTTP/1, HTTP/2, gRPC, WebSocket"
			       : "HTTP/1, HTTP/2, gRPC, WebSocket, in TLS too");
	}
	if (!found)
		printf("nothing listens yet; services appear as they start\n");
	for (unsigned i = 0; i < CAPABILITY_COUNT; i++)
		print_trouble(capture->capabilities[i].name, capture->capabilities[i].reason);
	for (const struct tls_file *file = tls_files_next(libraries, NULL); file;
	     file = tls_files_next(libraries, file)) {
		if (tls_file_trouble(file))
			printf("TLS of %s: off, %s\n", tls_file_name(file), tls_file_trouble(file));
	}
	print_trouble("docker", docker_trouble(observation->docker));
	fflush(stdout);
}
