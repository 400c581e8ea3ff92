// SPDX-License-Identifier: Apache-2.0
// What a process is called, in the contract's order: configuration, labels of its container,
// OTEL_SERVICE_NAME, container name, systemd unit, what the program says of itself, comm.
#include "identity.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "containers.h"
#include "proc.h"

static bool glob_matches(const char *pattern, const char *text)
{
	return !pattern || !fnmatch(pattern, text, 0);
}

/* The command line as one text, arguments joined by spaces. */
static bool command_matches(const char *pattern, pid_t pid)
{
	char command[4096];
	ssize_t len;

	if (!pattern)
		return true;
	len = proc_read(pid, "cmdline", command, sizeof(command));
	for (ssize_t i = 0; i + 1 < len; i++)
		if (!command[i])
			command[i] = ' ';
	return len > 0 && !fnmatch(pattern, command, 0);
}

static bool port_matches(unsigned wanted, const uint16_t *ports, unsigned ports_len)
{
	for (unsigned i = 0; i < ports_len; i++)
		if (ports[i] == wanted)
			return true;
	return !wanted;
}

static bool entry_matches(const struct config_match *match, pid_t pid, const struct container *container,
			  const struct program *program)
{
	if (match->container && (!container || !glob_matches(match->container, container->name)))
		return false;
	return glob_matches(match->executable, program->executable) && command_matches(match->command, pid);
}

static const struct config_service *find_configured(const struct config *config, pid_t pid,
						    const struct container *container, const uint16_t *ports,
						    unsigned ports_len, const struct program *program)
{
	for (unsigned i = 0; config && i < config->services_len; i++) {
		const struct config_service *entry = &config->services[i];
		const struct config_match *match = &entry->match;

		/* An entry without a match gives routes to the service of its name. */
		if (!match->container && !match->executable && !match->command && !match->port)
			continue;
		if (port_matches(match->port, ports, ports_len) &&
		    entry_matches(match, pid, container, program))
			return entry;
	}
	return NULL;
}

static bool take(struct identity *identity, const char *name)
{
	if (!name || !*name)
		return false;
	snprintf(identity->name, sizeof(identity->name), "%s", name);
	return true;
}

static bool name_from_container(struct identity *identity, const struct container *container)
{
	return container &&
	       (take(identity, container->service_label) || take(identity, container->compose_service) ||
		take(identity, container->orchestrator_service));
}

bool identity_find(pid_t pid, const struct container *container, const struct config *config,
		   const uint16_t *ports, unsigned ports_len, struct identity *ret_identity)
{
	char text[PROGRAM_NAME_MAX];
	ssize_t len;

	memset(ret_identity, 0, sizeof(*ret_identity));
	len = proc_read(pid, "comm", text, sizeof(text));
	if (len <= 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	program_inspect(pid, &ret_identity->program);
	/* Of a zombie there is little more than a name to see: it would be called otherwise than while it
	 * lived. */
	if (!ret_identity->program.executable[0])
		return false;
	ret_identity->plumbing = !strcmp(text, "docker-proxy");
	take(ret_identity, text);

	ret_identity->configured =
		find_configured(config, pid, container, ports, ports_len, &ret_identity->program);
	if (ret_identity->configured && take(ret_identity, ret_identity->configured->name))
		return true;
	if (name_from_container(ret_identity, container))
		return true;
	if (proc_environment(pid, "OTEL_SERVICE_NAME", text, sizeof(text)))
		return take(ret_identity, text);
	if (container && take(ret_identity, container->name))
		return true;
	if (proc_unit(pid, text, sizeof(text)))
		return take(ret_identity, text);
	/* One that has ended meanwhile has no environment any more: what it is called by it is not known. */
	if (proc_link(pid, "exe", text, sizeof(text)) <= 0)
		return false;
	take(ret_identity, ret_identity->program.name);
	return true;
}
