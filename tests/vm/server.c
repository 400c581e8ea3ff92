// SPDX-License-Identifier: Apache-2.0
// The HTTP server that ringside watches in the virtual machine: one thread, connections kept alive, answers
// that a test can count. client.c is its only visitor, so a request is taken to be well formed.
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 64, LARGE_BYTES = 200000, SLEEP_NS = 2000000 };

struct connection {
	size_t used;
	char request[2048];
};

static struct connection connections[CONNECTIONS];
static struct pollfd polled[CONNECTIONS];

static void send_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		size -= (size_t)n;
	}
}

static void answer(int fd, const char *status, size_t body_bytes)
{
	static char response[256 + LARGE_BYTES];
	int head = snprintf(response, 256,
			    "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", status,
			    body_bytes);

	memset(response + head, 'x', body_bytes);
	send_all(fd, response, (size_t)head + body_bytes);
}

static void serve(int fd, const char *request)
{
	if (!strncmp(request, "POST ", 5)) {
		// Asleep, so that the phase `blocked` has a least value to be checked against.
		nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
		answer(fd, "201 Created", 12);
	} else if (!strncmp(request, "GET /items ", 11)) {
		answer(fd, "200 OK", 40);
	} else if (!strncmp(request, "GET /large ", 11)) {
		answer(fd, "200 OK", LARGE_BYTES);
	} else {
		answer(fd, "404 Not Found", 10);
	}
}

// Length of the first whole request in the buffer, 0 while it is still arriving.
static size_t request_length(const char *request)
{
	const char *end = strstr(request, "\r\n\r\n");
	const char *length = strstr(request, "Content-Length: ");
	size_t head;

	if (!end)
		return 0;
	head = (size_t)(end + 4 - request);
	if (length && length < end)
		head += strtoul(length + 16, NULL, 10);
	return head <= strlen(request) ? head : 0;
}

// False once the client has gone.
static int read_requests(struct connection *c, int fd)
{
	ssize_t n = read(fd, c->request + c->used, sizeof(c->request) - 1 - c->used);
	size_t length;

	if (n <= 0)
		return 0;
	c->used += (size_t)n;
	c->request[c->used] = 0;
	while ((length = request_length(c->request))) {
		serve(fd, c->request);
		c->used -= length;
		memmove(c->request, c->request + length, c->used + 1);
	}
	return 1;
}

static void accept_client(int listener)
{
	int fd = accept(listener, NULL, NULL);

	for (int i = 1; i < CONNECTIONS && fd >= 0; i++) {
		if (polled[i].fd >= 0)
			continue;
		polled[i].fd = fd;
		connections[i].used = 0;
		return;
	}
	close(fd);
}

int main(int argc, char **argv)
{
	// An IPv6 socket that takes IPv4 as well, as Node and Go open theirs.
	struct sockaddr_in6 address = {.sin6_family = AF_INET6,
				       .sin6_port = htons((unsigned short)atoi(argc > 1 ? argv[1] : "8080"))};
	int listener = socket(AF_INET6, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, CONNECTIONS)) {
		perror("server");
		return 1;
	}
	for (int i = 0; i < CONNECTIONS; i++)
		polled[i] = (struct pollfd){.fd = i ? -1 : listener, .events = POLLIN};
	while (poll(polled, CONNECTIONS, -1) > 0) {
		if (polled[0].revents)
			accept_client(listener);
		for (int i = 1; i < CONNECTIONS; i++) {
			if (polled[i].fd < 0 || !polled[i].revents ||
			    read_requests(&connections[i], polled[i].fd))
				continue;
			close(polled[i].fd);
			polled[i].fd = -1;
		}
	}
	return 1;
}
