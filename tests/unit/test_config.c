// SPDX-License-Identifier: Apache-2.0
// What a configuration file may say, and the one line that refuses it.
#include "config.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/ringside-config-XXXXXX";

static int group_setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int group_teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static struct config *loaded(const char *text)
{
	struct config *config = NULL;

	write_file(text, strlen(text));
	assert_int_equal(config_load(path, &config), 0);
	assert_non_null(config);
	return config;
}

/// Loads `from`, which must fail; returns the only line that was logged, without its end.
static const char *refusal_of(const char *from, int expected_err)
{
	static char line[8192];
	struct config *untouched = (struct config *)line, *config = untouched;
	int real_stderr = dup(STDERR_FILENO), pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	dup2(pair[1], STDERR_FILENO);
	int err = config_load(from, &config);
	dup2(real_stderr, STDERR_FILENO);

	ssize_t len = recv(pair[0], line, sizeof(line) - 1, 0);
	char more;
	assert_true(len > 0);
	assert_int_equal(recv(pair[0], &more, 1, 0), -1);
	line[len - 1] = '\0';
	assert_int_equal(err, expected_err);
	assert_ptr_equal(config, untouched);
	close(real_stderr);
	close(pair[0]);
	close(pair[1]);
	return line;
}

static void assert_refused(const char *text, const char *because)
{
	char expected[512];

	write_file(text, strlen(text));
	snprintf(expected, sizeof(expected), "level=error msg=\"config file %s: %s", path, because);
	const char *line = refusal_of(path, -EINVAL);
	if (!strstr(line, expected))
		fail_msg("logged  %s\nmissing %s", line, expected);
}

static void without_a_file_there_are_the_defaults(void **state)
{
	struct config *config = NULL;

	(void)state;
	assert_int_equal(config_load(NULL, &config), 0);
	assert_int_equal(config->limits.routes_per_service, 200);
	assert_int_equal(config->limits.series, 10000);
	assert_false(config->runtimes.exact_event_loop);
	assert_int_equal(config->services_len, 0);
	assert_int_equal(config->web.listen_addresses_len, 0);
	config_free(config);
	config_free(NULL);
}

static void every_part_may_be_left_out_or_empty(void **state)
{
	static const char *const texts[] = {
		"",
		"# nothing yet\n",
		"---\n",
		"{}",
		"web:\nservices:\nlimits:\n",
		"web: {}\nservices: []\nlimits: {}\n",
		"web:\n  listen_addresses:\n",
		"web: {listen_addresses: []}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct config *config = loaded(texts[i]);

		assert_int_equal(config->limits.routes_per_service, 200);
		assert_int_equal(config->limits.series, 10000);
		assert_int_equal(config->services_len, 0);
		assert_int_equal(config->web.listen_addresses_len, 0);
		config_free(config);
	}
}

static void every_key_is_read(void **state)
{
	struct config *config = loaded("web:\n"
				       "  listen_addresses: [\"127.0.0.1:10707\", \"[::1]:10707\"]\n"
				       "services:\n"
				       "- name: shop\n"
				       "  match: {container: \"shop-*\", executable: \"/usr/bin/node\", "
				       "command: \"*server.js*\", port: 8080}\n"
				       "  routes: [\"/users/{id}\", \"/files/*\"]\n"
				       "- name: shop\n"
				       "  match: {port: 65535}\n"
				       "limits:\n"
				       "  routes_per_service: 10000\n"
				       "  series: 100\n");

	(void)state;
	assert_int_equal(config->web.listen_addresses_len, 2);
	assert_string_equal(config->web.listen_addresses[1], "[::1]:10707");
	assert_int_equal(config->services_len, 2);
	assert_string_equal(config->services[0].name, "shop");
	assert_string_equal(config->services[0].match.container, "shop-*");
	assert_string_equal(config->services[0].match.executable, "/usr/bin/node");
	assert_string_equal(config->services[0].match.command, "*server.js*");
	assert_int_equal(config->services[0].match.port, 8080);
	assert_int_equal(config->services[0].routes_len, 2);
	assert_string_equal(config->services[0].routes[0], "/users/{id}");
	assert_string_equal(config->services[0].routes[1], "/files/*");
	assert_string_equal(config->services[1].name, "shop");
	assert_null(config->services[1].match.container);
	assert_int_equal(config->services[1].match.port, 65535);
	assert_int_equal(config->services[1].routes_len, 0);
	assert_int_equal(config->limits.routes_per_service, 10000);
	assert_int_equal(config->limits.series, 100);
	config_free(config);
}

static void anchors_and_aliases_work(void **state)
{
	struct config *config = loaded("services:\n"
				       "- {name: a, match: {port: 1}, routes: &routes [/x, /y]}\n"
				       "- {name: b, match: {port: 2}, routes: *routes}\n");

	(void)state;
	assert_int_equal(config->services[1].routes_len, 2);
	assert_string_equal(config->services[1].routes[1], "/y");
	config_free(config);
}

static void an_unknown_key_is_refused_by_name(void **state)
{
	(void)state;
	assert_refused("listen: x\n", "Unexpected key: listen\"");
	assert_refused("runtimes: {event_loop: often}\n",
		       "runtimes.event_loop is neither \\\"sampled\\\" nor \\\"exact\\\": \\\"often\\\"");
	assert_refused("limits: {routes: 1}\n",
		       "Unexpected key: routes in mapping field 'limits' (line: 1, column: 9)\"");
	assert_refused("services:\n- name: a\n  match: {containr: x}\n",
		       "Unexpected key: containr in mapping field 'match' (line: 3, column: 10)\"");
}

static void a_value_of_the_wrong_kind_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_refused("limits:\n  series: many\n",
		       "Invalid uint64_t value: 'many' in mapping field 'series' (line: 2, column: 11)\"");
	assert_refused("limits:\n  series: -1\n", "Invalid UINT value: '"); // libcyaml 1.4 has lost its sign
	assert_refused("limits:\n  series: 99999999999999999999999\n", "Invalid");
	assert_refused("limits:\n  series:\n",
		       "Invalid uint64_t value: '' in mapping field 'series' (line: 2");
	assert_refused(
		"services: shop\n",
		"Expecting SEQUENCE, got event: SCALAR in mapping field 'services' (line: 1, column: 11)\"");
	assert_refused("- a\n", "Expecting MAPPING, got event: SEQUENCE_START\"");
	assert_refused("services:\n-\n",
		       "Expecting MAPPING, got event: SCALAR in sequence entry '1' (line: 2");
	assert_refused("services:\n- name: [x]\n",
		       "Expecting STRING, got event: SEQUENCE_START in mapping field 'name'");
}

static void broken_yaml_is_refused(void **state)
{
	(void)state;
	assert_refused("limits: {series: 1000\n", "libyaml: did not find expected ',' or '}'");
	assert_refused("limits:\n\tseries: 1\n", "libyaml: found character that cannot start any token");
	assert_refused("\xff\xfe\xfd", "libyaml: incomplete UTF-16 character\"");
	assert_refused("a: \x01", "libyaml: control characters are not allowed\"");
	assert_refused("services:\n- *nowhere\n", "No anchor found for alias: 'nowhere'");
}

static void what_would_be_left_out_silently_is_refused(void **state)
{
	(void)state;
	assert_refused("limits: {series: 100}\n---\nlimits: {series: 200}\n",
		       "Ignoring documents after first");
	assert_refused("limits: {series: 100}\nlimits: {series: 200}\n",
		       "Mapping field already seen: limits");
	assert_refused("services: [{name: a, match: {port: 1}}]\nservices: []\n",
		       "Mapping field already seen: services");
	assert_refused("services: [{name: a, name: b}]\n", "Mapping field already seen: name");
}

static void a_service_needs_a_name_of_at_most_128_bytes(void **state)
{
	char text[256];

	(void)state;
	assert_refused("services:\n- match: {port: 1}\n", "services[0] has no name\"");
	assert_refused("services:\n- {name: a, match: {port: 1}}\n- {name: \"\", match: {port: 1}}\n",
		       "services[1].name is empty\"");
	assert_refused("services:\n- {name: , match: {port: 1}}\n", "services[0].name is empty\"");
	for (int len = 128; len <= 129; len++) {
		snprintf(text, sizeof(text), "services: [{name: %0*d, match: {port: 1}}]\n", len, 7);
		if (len == 128)
			config_free(loaded(text));
		else
			assert_refused(text, "services[0].name is longer than 128 bytes: 000000");
	}
}

static void a_match_must_ask_for_something(void **state)
{
	(void)state;
	assert_refused("services:\n- name: a\n",
		       "services[0].match needs container, executable, command or port\"");
	assert_refused("services:\n- {name: a, match: {}}\n", "services[0].match needs");
	assert_refused("services:\n- {name: a, match: }\n", "services[0].match needs");
	assert_refused("services:\n- {name: a, match: {container: \"\"}}\n",
		       "services[0].match.container is empty\"");
	assert_refused("services:\n- {name: a, match: {port: 1, command: }}\n",
		       "services[0].match.command is empty\"");
}

static void numbers_out_of_range_are_refused(void **state)
{
	(void)state;
	assert_refused("services:\n- {name: a, match: {port: 0}}\n",
		       "services[0].match.port 0 is not in 1..65535\"");
	assert_refused("services:\n- {name: a, match: {port: 65536}}\n",
		       "services[0].match.port 65536 is not in 1..65535\"");
	assert_refused("limits: {routes_per_service: 0}\n",
		       "limits.routes_per_service 0 is not in 1..10000\"");
	assert_refused("limits: {routes_per_service: 10001}\n",
		       "limits.routes_per_service 10001 is not in 1..10000\"");
	assert_refused("limits: {series: 99}\n", "limits.series 99 is not in 100..1000000\"");
	assert_refused("limits: {series: 1000001}\n", "limits.series 1000001 is not in 100..1000000\"");
}

static void routes_begin_with_a_slash(void **state)
{
	(void)state;
	assert_refused("services:\n- {name: a, match: {port: 1}, routes: [/ok, users]}\n",
		       "services[0].routes[1] does not begin with \\\"/\\\": users\"");
	assert_refused("services:\n- {name: a, match: {port: 1}, routes: [\"\"]}\n",
		       "services[0].routes[0] does not begin with \\\"/\\\": \"");
}

static void listen_addresses_are_not_empty(void **state)
{
	(void)state;
	assert_refused("web: {listen_addresses: [\":1\", \"\"]}\n", "web.listen_addresses[1] is empty\"");
}

static void the_offending_text_cannot_break_the_log_line(void **state)
{
	(void)state;
	assert_refused("\"a\\nb\": 1\n", "Unexpected key: a\\nb\"");
	assert_refused("services: [{name: a, match: {port: 1}, routes: [\"a\\nb\\e[31m\"]}]\n",
		       "services[0].routes[0] does not begin with \\\"/\\\": a\\nb\\u001b[31m\"");
}

static void a_file_that_cannot_be_read_is_refused_with_its_name(void **state)
{
	char *large = calloc(1, (1 << 20) + 1);

	(void)state;
	assert_non_null(strstr(refusal_of("/nowhere/x.yml", -ENOENT),
			       "msg=\"config file /nowhere/x.yml: No such file or directory\""));
	assert_non_null(strstr(refusal_of("/tmp", -EISDIR), "msg=\"config file /tmp: Is a directory\""));
	assert_non_null(large);
	memset(large, '#', (1 << 20) + 1);
	write_file(large, 1 << 20);
	struct config *config = NULL;
	assert_int_equal(config_load(path, &config), 0);
	config_free(config);
	write_file(large, (1 << 20) + 1);
	assert_non_null(strstr(refusal_of(path, -EFBIG), "larger than 1048576 bytes\""));
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_file_there_are_the_defaults),
		cmocka_unit_test(every_part_may_be_left_out_or_empty),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(anchors_and_aliases_work),
		cmocka_unit_test(an_unknown_key_is_refused_by_name),
		cmocka_unit_test(a_value_of_the_wrong_kind_is_refused_with_its_line),
		cmocka_unit_test(broken_yaml_is_refused),
		cmocka_unit_test(what_would_be_left_out_silently_is_refused),
		cmocka_unit_test(a_service_needs_a_name_of_at_most_128_bytes),
		cmocka_unit_test(a_match_must_ask_for_something),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(routes_begin_with_a_slash),
		cmocka_unit_test(listen_addresses_are_not_empty),
		cmocka_unit_test(the_offending_text_cannot_break_the_log_line),
		cmocka_unit_test(a_file_that_cannot_be_read_is_refused_with_its_name),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
