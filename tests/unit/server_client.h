// SPDX-License-Identifier: Apache-2.0
// Raw sockets against the site of server_site.h: every wait turns the server's loop, and every wait ends.
#ifndef RINGSIDE_TESTS_SERVER_CLIENT_H
#define RINGSIDE_TESTS_SERVER_CLIENT_H

#include <errno.h>

#include "server_site.h"

enum { PATIENCE_MS = 5000 }; ///< for anything that must happen

/// An answer as it came. Owned by the caller.
struct answer {
	struct buffer raw; ///< terminated
	const char *body;  ///< within raw
	size_t body_len;
	int status; ///< 0: none
};

static inline int dial(unsigned port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/// Sends all of `data` while the server runs; false if the server hung up first.
static inline bool push(struct site *site, int fd, const char *data, size_t len)
{
	uint64_t end = now_ms() + PATIENCE_MS;

	while (len > 0 && now_ms() < end) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent > 0) {
			data += sent;
			len -= (size_t)sent;
		}
		turn(site, sent > 0 ? 0 : 1);
	}
	assert_int_equal(len, 0);
	return true;
}

static inline void push_text(struct site *site, int fd, const char *text)
{
	push(site, fd, text, strlen(text));
}

/// Reads until the server closes. The time is bounded.
static inline struct answer collect(struct site *site, int fd)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	struct answer answer = {0};
	ssize_t len = -1;
	char part[65536];
	char *body;

	while (len != 0 && now_ms() < end) {
		turn(site, 1);
		len = recv(fd, part, sizeof(part), 0);
		if (len > 0)
			buffer_bytes(&answer.raw, part, (size_t)len);
		if (len < 0 && errno != EAGAIN) // reset
			break;
	}
	assert_true(now_ms() < end);
	buffer_bytes(&answer.raw, "", 1);
	sscanf(answer.raw.data, "HTTP/1.%*d %d", &answer.status);
	body = strstr(answer.raw.data, "\r\n\r\n");
	answer.body = body ? body + 4 : "";
	answer.body_len = body ? answer.raw.len - 1 - (size_t)(answer.body - answer.raw.data) : 0;
	return answer;
}

static inline void answer_free(struct answer *answer)
{
	buffer_free(&answer->raw);
}

static inline struct answer ask_bytes(struct site *site, const char *request, size_t len)
{
	int fd = dial(site->port);
	struct answer answer;

	push(site, fd, request, len);
	answer = collect(site, fd);
	close(fd);
	turns(site, 3);
	return answer;
}

/// `headers` are whole lines.
static inline struct answer ask(struct site *site, const char *method, const char *target,
				const char *headers)
{
	struct answer answer;
	struct buffer request = {0};

	buffer_format(&request, "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n", method, target,
		      headers);
	answer = ask_bytes(site, request.data, request.len);
	buffer_free(&request);
	return answer;
}

static inline bool has_line(const struct answer *answer, const char *line)
{
	const char *found = strcasestr(answer->raw.data, line);

	return found && found < answer->body && found[-1] == '\n' &&
	       strncmp(found + strlen(line), "\r\n", 2) == 0;
}

static inline void assert_answer(struct site *site, const char *method, const char *target, int status,
				 const char *body)
{
	struct answer answer = ask(site, method, target, "");

	assert_int_equal(answer.status, status);
	assert_string_equal(answer.body, body);
	answer_free(&answer);
}

/// The scrape that must work whatever else goes on, and soon.
static inline void assert_scrape_works(struct site *site)
{
	uint64_t start = now_ms();
	struct answer answer = ask(site, "GET", "/metrics", "");

	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "{service=\"s999\"} 999\n"));
	assert_in_range(now_ms() - start, 0, 1000);
	answer_free(&answer);
}

#endif
