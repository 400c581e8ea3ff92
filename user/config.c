// SPDX-License-Identifier: Apache-2.0
// Checks the values of a configuration document and turns it into `struct config`, which pipeline.c hands
// to the stages. The first bad value refuses the whole file with one log line.
#include "config.h"
#include "cleanup.h"
#include "config_document.h"
#include "listen.h"
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum {
	NAME_LEN_MAX = 128,
	PORT_MAX = 65535,
	ROUTES_PER_SERVICE = 200,
	ROUTES_PER_SERVICE_MAX = 10000,
	SERIES = 10000,
	SERIES_MIN = 100,
	SERIES_MAX = 1000000,
};

__attribute__((format(printf, 2, 3))) static int refuse(const char *path, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return log_err(-EINVAL, "config file %s: %s", path, message);
}

static int take_name(const char *path, unsigned index, char **from, char **ret_name)
{
	if (!*from)
		return refuse(path, "services[%u] has no name", index);
	if (!**from)
		return refuse(path, "services[%u].name is empty", index);
	if (strlen(*from) > NAME_LEN_MAX)
		return refuse(path, "services[%u].name is longer than %d bytes: %s", index, NAME_LEN_MAX,
			      *from);
	*ret_name = TAKE_PTR(*from);
	return 0;
}

static int take_match(const char *path, unsigned index, struct document_match *from,
		      struct config_match *match)
{
	if (!from || (!from->container && !from->executable && !from->command && !from->port))
		return refuse(path, "services[%u].match needs container, executable, command or port", index);

	const struct {
		const char *key;
		char **from, **to;
	} patterns[] = {
		{"container", &from->container, &match->container},
		{"executable", &from->executable, &match->executable},
		{"command", &from->command, &match->command},
	};
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		if (*patterns[i].from && !**patterns[i].from)
			return refuse(path, "services[%u].match.%s is empty", index, patterns[i].key);
		*patterns[i].to = TAKE_PTR(*patterns[i].from);
	}
	if (from->port && (*from->port < 1 || *from->port > PORT_MAX))
		return refuse(path, "services[%u].match.port %u is not in 1..%d", index, *from->port,
			      PORT_MAX);
	match->port = from->port ? *from->port : 0;
	return 0;
}

static int take_service(const char *path, unsigned index, struct document_service *from,
			struct config_service *service)
{
	int err = take_name(path, index, &from->name, &service->name);

	if (!err)
		err = take_match(path, index, from->match, &service->match);
	if (err)
		return err;
	for (unsigned i = 0; i < from->routes_len; i++)
		if (from->routes[i][0] != '/')
			return refuse(path, "services[%u].routes[%u] does not begin with \"/\": %s", index, i,
				      from->routes[i]);
	service->routes = TAKE_PTR(from->routes);
	service->routes_len = from->routes_len;
	return 0;
}

static int take_services(const char *path, struct document *from, struct config *config)
{
	int err = 0;

	if (!from->services_len)
		return 0;
	config->services = calloc(from->services_len, sizeof(*config->services));
	if (!config->services)
		return log_err(-ENOMEM, "config file %s: out of memory", path);
	config->services_len = from->services_len;
	for (unsigned i = 0; i < from->services_len && !err; i++)
		err = take_service(path, i, &from->services[i], &config->services[i]);
	return err;
}

static int take_web(const char *path, struct document_web *from, struct config *config)
{
	if (!from)
		return 0;
	for (unsigned i = 0; i < from->listen_addresses_len; i++)
		if (!from->listen_addresses[i][0])
			return refuse(path, "web.listen_addresses[%u] is empty", i);
		else if (!listen_is_address(from->listen_addresses[i]))
			return refuse(path, "web.listen_addresses[%u] is no host:port: \"%s\"", i,
				      from->listen_addresses[i]);
	config->web.listen_addresses = TAKE_PTR(from->listen_addresses);
	config->web.listen_addresses_len = from->listen_addresses_len;
	return 0;
}

static int take_limit(const char *path, const char *key, const unsigned *from, unsigned min, unsigned max,
		      unsigned *ret_limit)
{
	if (!from)
		return 0;
	if (*from < min || *from > max)
		return refuse(path, "limits.%s %u is not in %u..%u", key, *from, min, max);
	*ret_limit = *from;
	return 0;
}

static int take_limits(const char *path, const struct document_limits *from, struct config *config)
{
	if (!from)
		return 0;
	int err = take_limit(path, "routes_per_service", from->routes_per_service, 1, ROUTES_PER_SERVICE_MAX,
			     &config->limits.routes_per_service);
	return err ? err
		   : take_limit(path, "series", from->series, SERIES_MIN, SERIES_MAX, &config->limits.series);
}

static int take_runtimes(const char *path, const struct document_runtimes *from, struct config *config)
{
	if (!from || !from->event_loop)
		return 0;
	config->runtimes.exact_event_loop = !strcmp(from->event_loop, "exact");
	if (config->runtimes.exact_event_loop || !strcmp(from->event_loop, "sampled"))
		return 0;
	return refuse(path, "runtimes.event_loop is neither \"sampled\" nor \"exact\": \"%s\"",
		      from->event_loop);
}

static int take_document(const char *path, struct document *from, struct config *config)
{
	int err = take_web(path, from->web, config);

	if (!err)
		err = take_services(path, from, config);
	if (!err)
		err = take_runtimes(path, from->runtimes, config);
	if (!err)
		err = take_limits(path, from->limits, config);
	return err;
}

int config_load(const char *path, struct config **ret_config)
{
	struct config *config = calloc(1, sizeof(*config));
	struct document *document = NULL;

	if (!config)
		return log_err(-ENOMEM, "config: out of memory");
	config->limits.routes_per_service = ROUTES_PER_SERVICE;
	config->limits.series = SERIES;

	int err = path ? document_load(path, &document) : 0;
	if (!err && document)
		err = take_document(path, document, config);
	document_free(document);
	if (err) {
		config_free(config);
		return err;
	}
	*ret_config = config;
	return 0;
}

static void free_texts(char **texts, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		free(texts[i]);
	free(texts);
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (unsigned i = 0; i < config->services_len; i++) {
		struct config_service *service = &config->services[i];

		free(service->name);
		free(service->match.container);
		free(service->match.executable);
		free(service->match.command);
		free_texts(service->routes, service->routes_len);
	}
	free(config->services);
	free_texts(config->web.listen_addresses, config->web.listen_addresses_len);
	free(config);
}
