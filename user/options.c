// SPDX-License-Identifier: Apache-2.0
// The command line, from one table that is also the help text.
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

enum flag {
	FLAG_LISTEN_ADDRESS = 1,
	FLAG_CONFIG_FILE,
	FLAG_DOCKER_SOCKET,
	FLAG_LOG_LEVEL,
	FLAG_LOG_FORMAT,
	FLAG_HELP
};

struct flag_help {
	const char *name;
	const char *value; ///< NULL for a flag without one
	const char *help;
	enum flag flag;
};

static const struct flag_help flags[] = {
	{"web.listen-address", "ADDRESS",
	 "host:port to serve on; repeat for more than one (default 127.0.0.1:10707)", FLAG_LISTEN_ADDRESS},
	{"config.file", "FILE", "configuration: service names, route templates, limits", FLAG_CONFIG_FILE},
	{"docker.socket", "PATH", "the Docker daemon's socket (default /var/run/docker.sock)",
	 FLAG_DOCKER_SOCKET},
	{"log.level", "LEVEL", "debug, info, warn or error (default info)", FLAG_LOG_LEVEL},
	{"log.format", "FORMAT", "logfmt or json (default logfmt)", FLAG_LOG_FORMAT},
	{"help", NULL, "this text", FLAG_HELP},
};

#define FLAGS_LEN (sizeof(flags) / sizeof(flags[0]))

static void print_help(void)
{
	printf("Usage: ringside [command] [flags]\n\nCommands:\n");
	for (const struct command *command = commands; command->name; command++)
		printf("  %-10s %s\n", command->name, command->help);
	printf("\nFlags:\n");
	for (size_t i = 0; i < FLAGS_LEN; i++)
		printf("  --%s%s%-*s %s\n", flags[i].name, flags[i].value ? "=" : "",
		       (int)(30 - strlen(flags[i].name) - !!flags[i].value),
		       flags[i].value ? flags[i].value : "", flags[i].help);
}

static int mistake(const char *what, const char *input)
{
	fprintf(stderr, "ringside: %s '%s' (see ringside --help)\n", what, input);
	return 2;
}

/* The index of `text` in a list that ends in NULL; -1 if it is not there. */
static int index_of(const char *text, const char *const *list)
{
	for (int i = 0; list[i]; i++)
		if (!strcmp(text, list[i]))
			return i;
	return -1;
}

static int take_flag(struct options *options, int flag, const char *value)
{
	static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
	static const char *const formats[] = {"logfmt", "json", NULL};
	int index;

	switch (flag) {
	case FLAG_LISTEN_ADDRESS:
		if (options->listen_addresses_len == LISTEN_ADDRESSES_MAX)
			return mistake("too many --web.listen-address, at", value);
		options->listen_addresses[options->listen_addresses_len++] = value;
		return -1;
	case FLAG_CONFIG_FILE:
		options->config_file = value;
		return -1;
	case FLAG_DOCKER_SOCKET:
		options->docker_socket = value;
		return -1;
	case FLAG_LOG_LEVEL:
		index = index_of(value, levels);
		if (index < 0)
			return mistake("--log.level is debug, info, warn or error, not", value);
		options->log_level = index;
		return -1;
	case FLAG_LOG_FORMAT:
		index = index_of(value, formats);
		if (index < 0)
			return mistake("--log.format is logfmt or json, not", value);
		options->log_format = index;
		return -1;
	case FLAG_HELP:
		print_help();
		return 0;
	}
	return 2;
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct option long_options[FLAGS_LEN + 1] = {0};
	int flag, done;

	*ret_options = (struct options){
		.command = "run",
		.docker_socket = "/var/run/docker.sock",
		.log_level = LOG_INFO,
	};
	for (size_t i = 0; i < FLAGS_LEN; i++)
		long_options[i] = (struct option){
			.name = flags[i].name,
			.has_arg = flags[i].value ? required_argument : no_argument,
			.val = flags[i].flag,
		};
	/* Our own messages: one line that quotes the input. A leading ':' tells a missing value from an
	 * unknown flag. */
	opterr = 0;
	while ((flag = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (flag == 'h')
			flag = FLAG_HELP;
		if (flag == ':')
			return mistake("a value is missing after", argv[optind - 1]);
		if (flag == '?')
			return mistake("unknown flag", optopt > FLAG_HELP ? (char[]){'-', (char)optopt, '\0'}
									  : argv[optind - 1]);
		done = take_flag(ret_options, flag, optarg);
		if (done >= 0)
			return done;
	}
	if (optind < argc)
		ret_options->command = argv[optind++];
	if (optind < argc)
		return mistake("unexpected argument", argv[optind]);
	return -1;
}
