// SPDX-License-Identifier: Apache-2.0
// Sends server.c an exact number of requests and checks every answer: client PORT ITEMS MISSING POSTS LARGE.
// Half of the connections are opened at once and wait for a line on stdin, so that ringside can be started in
// between.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 6 };

static const struct kind {
	const char *head, *body, *status;
} kinds[] = {
	{"GET /items HTTP/1.1\r\nHost: vm\r\n\r\n", "", "HTTP/1.1 200 "},
	{"GET /missing HTTP/1.1\r\nHost: vm\r\n\r\n", "", "HTTP/1.1 404 "},
	{"POST /items HTTP/1.1\r\nHost: vm\r\nContent-Length: 12\r\n\r\n", "{\"name\":\"a\"}",
	 "HTTP/1.1 201 "},
	{"GET /large HTTP/1.1\r\nHost: vm\r\n\r\n", "", "HTTP/1.1 200 "},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

// Odd ones by IPv4 and even ones by IPv6.
static int open_connection(int number, unsigned short port)
{
	struct sockaddr_in v4 = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(number % 2 ? AF_INET : AF_INET6, SOCK_STREAM, 0);

	if (number % 2 ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
		       : connect(fd, (struct sockaddr *)&v6, sizeof(v6)))
		die("connect");
	return fd;
}

static void exchange(int fd, const struct kind *kind)
{
	static char response[65536];
	size_t used = 0, left;
	char *end;
	ssize_t n;

	// Head and body in two segments, as most libraries send them.
	if (send(fd, kind->head, strlen(kind->head), 0) < 0 ||
	    send(fd, kind->body, strlen(kind->body), 0) < 0)
		die("send");
	do {
		n = read(fd, response + used, sizeof(response) - 1 - used);
		if (n <= 0)
			die("read");
		used += (size_t)n;
		response[used] = 0;
		end = strstr(response, "\r\n\r\n");
	} while (!end);
	if (strncmp(response, kind->status, strlen(kind->status)))
		die(response);
	left = strtoul(strstr(response, "Content-Length: ") + 16, NULL, 10) -
	       (used - (size_t)(end + 4 - response));
	while (left) {
		n = read(fd, response, left < sizeof(response) ? left : sizeof(response));
		if (n <= 0)
			die("read");
		left -= (size_t)n;
	}
}

int main(int argc, char **argv)
{
	int connections[CONNECTIONS], left[KINDS], sent = 0, total = 0;
	unsigned short port;

	if (argc != 2 + KINDS)
		return 2;
	port = (unsigned short)atoi(argv[1]);
	for (int i = 0; i < KINDS; i++)
		total += left[i] = atoi(argv[2 + i]);
	for (int i = 0; i < CONNECTIONS / 2; i++)
		connections[i] = open_connection(i, port);
	getchar();
	for (int i = CONNECTIONS / 2; i < CONNECTIONS; i++)
		connections[i] = open_connection(i, port);
	for (int i = 0; sent < total; i++) {
		if (!left[i % KINDS])
			continue;
		left[i % KINDS]--;
		exchange(connections[sent++ % CONNECTIONS], &kinds[i % KINDS]);
	}
	printf("%d requests answered\n", sent);
	return 0;
}
