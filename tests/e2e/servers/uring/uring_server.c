// SPDX-License-Identifier: GPL-2.0
// Answers HTTP/1.1 with io_uring only: accept, receive and send all go through the ring, one connection after the other.
// A system call tracer sees no read or write of it. Usage: uring_server PORT
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
static const char NOT_FOUND[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

static int finish(struct io_uring *ring)
{
    struct io_uring_cqe *cqe;
    int result;

    io_uring_submit(ring);
    if (io_uring_wait_cqe(ring, &cqe) < 0)
        exit(1);
    result = cqe->res;
    io_uring_cqe_seen(ring, cqe);
    return result;
}

static int ring_accept(struct io_uring *ring, int listener)
{
    io_uring_prep_accept(io_uring_get_sqe(ring), listener, NULL, NULL, 0);
    return finish(ring);
}

static int ring_receive(struct io_uring *ring, int fd, char *into, size_t size)
{
    io_uring_prep_recv(io_uring_get_sqe(ring), fd, into, size, 0);
    return finish(ring);
}

static int ring_send(struct io_uring *ring, int fd, const char *text)
{
    io_uring_prep_send(io_uring_get_sqe(ring), fd, text, strlen(text), 0);
    return finish(ring);
}

static void serve(struct io_uring *ring, int fd)
{
    char request[65536];
    size_t used = 0;

    for (;;) {
        int received = ring_receive(ring, fd, request + used, sizeof(request) - 1 - used);

        if (received <= 0)
            break;
        used += received;
        request[used] = '\0';
        if (!strstr(request, "\r\n\r\n"))
            continue;
        ring_send(ring, fd, strncmp(request, "GET /missing", 12) ? ANSWER : NOT_FOUND);
        used = 0;
    }
    close(fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct io_uring ring;

    if (argc != 2)
        return 2;
    address.sin_port = htons(atoi(argv[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 64)) {
        perror("uring_server: listen");
        return 1;
    }
    if (io_uring_queue_init(8, &ring, 0) < 0) {
        fputs("uring_server: no io_uring here\n", stderr);
        return 3;
    }
    for (;;) {
        int fd = ring_accept(&ring, listener);

        if (fd >= 0)
            serve(&ring, fd);
    }
}
