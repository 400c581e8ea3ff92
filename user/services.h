// SPDX-License-Identifier: Apache-2.0
// Who is who: processes and containers to services, in the contract's order of names. Exchanges come in from
// connections and go on to the aggregate with their service.
#ifndef RINGSIDE_SERVICES_H
#define RINGSIDE_SERVICES_H

#include "exchange.h"
#include "service.h"

struct capture;
struct config;
struct container;
struct docker_container;
struct identity;
struct process;
struct place;

/// What reached no service of its own, by reason.
struct service_losses {
	uint64_t held_too_many;        ///< exchanges, waiting for Docker to name their container
	uint64_t processes_past_limit; ///< that went to "(other)", because there are too many services
};

struct services;

struct services_options {
	const struct config *config; ///< borrowed
	struct capture *capture;     ///< borrowed; NULL leaves the kernel's sums alone (tests)
	void (*on_exchange)(void *context, struct service *service, const struct exchange *exchange);
	void (*on_over)(void *context, struct service *service); ///< it is about to be freed
	void *context;
};

int services_new(const struct services_options *options, struct services **ret_services);
void services_free(struct services *services);
/// A new configuration: names are found anew for processes from now on.
void services_configure(struct services *services, const struct config *config);

/// Finds the service and hands the exchange on; holds it back while Docker is asked for the container's name.
void services_on_exchange(void *services, const struct exchange *exchange);
/// The service of an exchange, now; NULL while Docker is asked for its container's name.
struct service *services_find(struct services *services, const struct exchange *exchange);
/// From the Docker observer.
void services_on_container(void *services, const struct docker_container *container);
void services_on_gone(void *services, const char *container_id);

/// The service of a process, or NULL while Docker is asked for its container's name, or if it is gone. It was
/// met at `port`, which the configuration may ask for.
struct service *services_of_process(struct services *services, pid_t pid, uint16_t port);
/// How many processes have changed their service so far.
unsigned services_renamings(const struct services *services);
/// Who listens at a place: exchanges that no process was seen to read go to it, and the kernel sums for it.
void services_note_place(struct services *services, const struct place *place, struct service *service);
/// The process did something (exec, listen) that may change what it is called.
void services_forget_process(struct services *services, pid_t pid);

int services_fd(const struct services *services); ///< readable when a known process has ended
void services_run(struct services *services);
/// Once a second: exchanges held too long, services that are gone. `docker_answers`: waiting for it makes
/// sense.
void services_tick(struct services *services, bool docker_answers, uint64_t now_ns);

/// In the order of their appearance.
struct service *services_first(const struct services *services);
/// All that run, by id; all that were met and live.
const struct container *services_first_container(const struct services *services);
const struct container *services_container(const struct services *services, const char *id);
struct process *services_first_process(const struct services *services);
/// What a container is called that may serve nothing, by its init process. False if that is gone.
bool services_identify(const struct services *services, const struct container *container,
		       struct identity *ret_identity);
/// Another number whenever a new configuration may have changed the names of all.
unsigned services_naming(const struct services *services);
/// Requests in progress in the kernel, all bytes of recognised connections: of one service.
void services_traffic(const struct services *services, const struct service *service, uint64_t *ret_in_flight,
		      uint64_t *ret_bytes);
const struct service_losses *services_losses(const struct services *services);

#endif
