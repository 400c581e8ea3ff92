// SPDX-License-Identifier: Apache-2.0
// Parses a listen address and binds it; the server gets the socket.
#include "listen.h"
#include "cleanup.h"
#include "log.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

enum { PORT_MAX = 65535 };

struct host_port {
	char host[256]; ///< without brackets; empty: every address
	const char *port;
};

static void cleanup_addresses(struct addrinfo **addresses)
{
	if (*addresses)
		freeaddrinfo(*addresses);
}

static bool is_port(const char *text)
{
	char *end;

	return strspn(text, "0123456789") > 0 && strtoul(text, &end, 10) <= PORT_MAX && !*end;
}

/// NULL, or what is wrong with `address`.
static const char *split(const char *address, struct host_port *ret_parts)
{
	const char *colon = strrchr(address, ':');
	const char *host = address;
	size_t len;

	if (!colon)
		return "no port (write host:port, [v6]:port or :port)";
	len = (size_t)(colon - address);
	if (len >= 2 && host[0] == '[' && colon[-1] == ']') {
		host++;
		len -= 2;
	} else if (memchr(host, ':', len)) {
		return "an IPv6 address needs brackets ([::1]:10707)";
	}
	if (!is_port(colon + 1))
		return "the port is not a number from 0 to 65535";
	if (len >= sizeof(ret_parts->host))
		return "the host name is too long";
	memcpy(ret_parts->host, host, len);
	ret_parts->host[len] = '\0';
	ret_parts->port = colon + 1;
	return NULL;
}

bool listen_is_address(const char *address)
{
	struct host_port parts;

	return !split(address, &parts);
}

/// 0 and a listening socket, or -errno.
static int bind_to(const struct addrinfo *address, int *ret_fd)
{
	AUTO_CLOSE int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1, off = 0;

	if (fd < 0)
		return -errno;
	// A restart must not wait for the old connections' TIME_WAIT. REUSEPORT would let a second ringside
	// share the port unnoticed.
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	// Only [::] cares: it takes IPv4 too, whatever net.ipv6.bindv6only says.
	if (address->ai_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
		return -errno;
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static const struct addrinfo *first_of(const struct addrinfo *addresses, int family)
{
	while (addresses && addresses->ai_family != family)
		addresses = addresses->ai_next;
	return addresses;
}

/// ":port" is IPv6 with IPv4 inside and falls back to IPv4 on hosts without IPv6; everything else prefers
/// IPv4.
static int bind_preferred(const struct addrinfo *addresses, bool every_address, int *ret_fd)
{
	const struct addrinfo *v4 = first_of(addresses, AF_INET), *v6 = first_of(addresses, AF_INET6);
	int err = -EADDRNOTAVAIL;

	if (v4 && !every_address)
		return bind_to(v4, ret_fd);
	if (v6)
		err = bind_to(v6, ret_fd);
	if (v4 && (err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT))
		err = bind_to(v4, ret_fd);
	return err;
}

int listen_open(const char *address, int *ret_fd)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	__attribute__((cleanup(cleanup_addresses))) struct addrinfo *addresses = NULL;
	struct host_port parts;
	const char *mistake = split(address, &parts);
	int err;

	if (mistake)
		return log_err(-EINVAL, "bad listen address \"%s\": %s", address, mistake);
	err = getaddrinfo(*parts.host ? parts.host : NULL, parts.port, &hints, &addresses);
	if (err == EAI_SYSTEM)
		return log_err(-errno, "cannot listen on %s: %s", address, strerror(errno));
	if (err)
		return log_err(-EADDRNOTAVAIL, "cannot listen on %s: %s", address, gai_strerror(err));
	err = bind_preferred(addresses, !*parts.host, ret_fd);
	if (err)
		return log_err(err, "cannot listen on %s: %s", address, strerror(-err));
	return 0;
}
