// SPDX-License-Identifier: Apache-2.0
// Addresses as users write them: names, IPv6, bare ports, several at once, and what is said of bad ones.
#include "server_client.h"

/// What server_new logs for these addresses, which it must refuse. Terminated.
static void refusal(const char *const *addresses, size_t len, int expected, char *text, size_t size)
{
	struct server *const untouched = (struct server *)text, *server = untouched;
	int real = dup(STDERR_FILENO), ends[2];
	ssize_t got;

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	assert_int_equal(server_new(addresses, len, endpoints, NULL, &server), expected);
	dup2(real, STDERR_FILENO);
	got = read(ends[0], text, size - 1);
	text[got > 0 ? got : 0] = '\0';
	close(real);
	close(ends[0]);
	close(ends[1]);
	assert_ptr_equal(server, untouched);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); // one line
}

static void a_taken_address_is_reported(void **state)
{
	struct site *site = *state;
	unsigned port = free_port();
	char free_address[32], expected[128], text[1024];
	const char *addresses[] = {free_address, site->address};
	int before = open_fds(), fd;

	snprintf(free_address, sizeof(free_address), "127.0.0.1:%u", port);
	snprintf(expected, sizeof(expected), "cannot listen on %s: Address already in use", site->address);
	refusal(addresses, 2, -EADDRINUSE, text, sizeof(text));
	assert_non_null(strstr(text, expected));
	assert_int_equal(open_fds(), before);
	assert_int_equal(listen_open(free_address, &fd), 0); // the first one was given back
	close(fd);
}

static void bad_addresses_are_quoted(void **state)
{
	static const struct {
		const char *address, *text;
		int code;
	} cases[] = {
		{"", "no port", -EINVAL},
		{"localhost", "localhost", -EINVAL},
		{"127.0.0.1:", "the port is not a number", -EINVAL},
		{"127.0.0.1:http", "the port is not a number", -EINVAL},
		{"127.0.0.1:65536", "127.0.0.1:65536", -EINVAL},
		{"127.0.0.1:-1", "the port is not a number", -EINVAL},
		{"127.0.0.1:99999999999999999999", "the port is not a number", -EINVAL},
		{"127.0.0.1:80 ", "the port is not a number", -EINVAL},
		{"::1:80", "an IPv6 address needs brackets", -EINVAL},
		{"[::1]", "an IPv6 address needs brackets", -EINVAL},
		{"[::1]80", "an IPv6 address needs brackets", -EINVAL},
		{"[::1:80", "an IPv6 address needs brackets", -EINVAL},
		{"http://h:80", "an IPv6 address needs brackets", -EINVAL},
		{"192.0.2.1:10707", "cannot listen on 192.0.2.1:10707: Cannot assign requested address",
		 -EADDRNOTAVAIL},
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		refusal(&cases[i].address, 1, cases[i].code, text, sizeof(text));
		assert_non_null(strstr(text, cases[i].text));
		assert_non_null(strstr(text, cases[i].address));
	}
}

static bool has_ipv6(void)
{
	const struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static int dial_ipv6(unsigned port)
{
	const struct sockaddr_in6 address = {.sin6_family = AF_INET6,
					     .sin6_port = htons((uint16_t)port),
					     .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void assert_answers_on(struct site *site, int fd)
{
	struct answer answer;

	assert_true(fd >= 0);
	push_text(site, fd, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	answer = collect(site, fd);
	assert_int_equal(answer.status, 200);
	answer_free(&answer);
	close(fd);
}

/// A server of its own on a free port of `host`.
static void serve_on(struct site *site, const char *host)
{
	const char *address;

	*site = (struct site){.port = free_port()};
	address = site->address;
	snprintf(site->address, sizeof(site->address), "%s:%u", host, site->port);
	assert_int_equal(server_new(&address, 1, endpoints, site, &site->server), 0);
}

static void a_name_is_an_address(void **state)
{
	struct site site;

	(void)state;
	serve_on(&site, "localhost");
	assert_answers_on(&site, dial(site.port));
	server_free(site.server);
}

static void a_bare_port_is_every_address(void **state)
{
	struct site site;

	(void)state;
	serve_on(&site, "");
	assert_answers_on(&site, dial(site.port));
	if (has_ipv6())
		assert_answers_on(&site, dial_ipv6(site.port));
	server_free(site.server);
}

static void ipv6_is_an_address(void **state)
{
	struct site site;

	(void)state;
	if (!has_ipv6()) {
		print_message("no IPv6 here: skipped\n");
		skip();
	}
	serve_on(&site, "[::1]");
	assert_answers_on(&site, dial_ipv6(site.port));
	server_free(site.server);
}

static void several_addresses_are_one_descriptor(void **state)
{
	char first[32], second[32];
	const char *addresses[] = {first, second};
	unsigned ports[] = {free_port(), free_port()};
	struct site site = {0};

	(void)state;
	snprintf(first, sizeof(first), "127.0.0.1:%u", ports[0]);
	snprintf(second, sizeof(second), "127.0.0.2:%u", ports[1]);
	assert_int_equal(server_new(addresses, 2, endpoints, &site, &site.server), 0);
	assert_answers_on(&site, dial(ports[0]));
	assert_quiet(&site);
	server_free(site.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(a_taken_address_is_reported),
		cmocka_unit_test(bad_addresses_are_quoted),
		cmocka_unit_test(a_name_is_an_address),
		cmocka_unit_test(a_bare_port_is_every_address),
		cmocka_unit_test(ipv6_is_an_address),
		cmocka_unit_test(several_addresses_are_one_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
