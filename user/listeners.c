// SPDX-License-Identifier: Apache-2.0
// Keeps one entry for each address and port that is listened on in a network namespace, with the number of
// its sockets.
#include "listeners.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "cleanup.h"
#include "event.h"
#include "maps.h"
#include "monotonic.h"
#include "proc.h"
#include "services.h"

struct listener_key {
	uint32_t netns;
	uint32_t port;
	uint32_t address[4]; ///< network byte order; IPv4 as ::ffff:a.b.c.d
};

struct listener {
	struct listener_key key;
	pid_t pid;
	unsigned sockets;
	uint64_t cgroup;
	struct service *service; ///< NULL while it has no name
	UT_hash_handle hh;
};

/* A listening socket that a scan found in a namespace's table, until its owner is found. */
struct found_socket {
	uint64_t inode;
	struct listener_key key;
	UT_hash_handle hh;
};

/* A network namespace that a scan has looked at. */
struct seen_namespace {
	uint32_t netns;
	UT_hash_handle hh;
};

struct listeners {
	struct services *services;
	int cgroup_fd; ///< root of the v2 hierarchy, borrowed
	struct listener *table;
	uint64_t scan_began_ns, scan_ended_ns;
	uint64_t lost_events;
	uint64_t table_full;
	unsigned renamings; ///< before the last scan
	bool scan_wanted;
};

struct scan {
	struct listeners *listeners;
	struct found_socket *sockets;
	struct seen_namespace *namespaces;
};

int listeners_new(struct services *services, int cgroup_fd, struct listeners **ret_listeners)
{
	struct listeners *listeners = calloc(1, sizeof(*listeners));

	if (!listeners)
		return -ENOMEM;
	listeners->services = services;
	listeners->cgroup_fd = cgroup_fd;
	*ret_listeners = listeners;
	return 0;
}

static void listener_remove(struct listeners *listeners, struct listener *listener)
{
	if (listener->service)
		listener->service->listeners--;
	HASH_DEL(listeners->table, listener);
	free(listener);
}

static void remove_all(struct listeners *listeners)
{
	struct listener *listener, *next;

	HASH_ITER (hh, listeners->table, listener, next)
		listener_remove(listeners, listener);
}

void listeners_free(struct listeners *listeners)
{
	if (!listeners)
		return;
	remove_all(listeners);
	free(listeners);
}

static void name_service(struct listeners *listeners, struct listener *listener)
{
	struct place place = {
		.cgroup = listener->cgroup,
		.netns = listener->key.netns,
		.port = listener->key.port,
	};

	listener->service = services_of_process(listeners->services, listener->pid, listener->key.port);
	if (!listener->service)
		return;
	listener->service->listeners++;
	services_note_place(listeners->services, &place, listener->service);
}

static void socket_add(struct listeners *listeners, struct listener_key key, pid_t pid, uint64_t cgroup)
{
	struct listener *listener = NULL;

	HASH_FIND(hh, listeners->table, &key, sizeof(key), listener);
	if (!listener) {
		if (HASH_COUNT(listeners->table) < LISTENERS_MAX)
			listener = calloc(1, sizeof(*listener));
		if (!listener) {
			listeners->table_full++;
			return;
		}
		listener->key = key;
		listener->pid = pid;
		listener->cgroup = cgroup;
		HASH_ADD(hh, listeners->table, key, sizeof(listener->key), listener);
		name_service(listeners, listener);
	}
	listener->sockets++;
}

static void socket_end(struct listeners *listeners, struct listener_key key)
{
	struct listener *listener = NULL;

	HASH_FIND(hh, listeners->table, &key, sizeof(key), listener);
	if (listener && --listener->sockets == 0)
		listener_remove(listeners, listener);
}

/* The kernel prints each word of the address as a number of its own. */
static void read_address(const char *text, uint32_t ret_address[4])
{
	static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (sscanf(text, "%8x%8x%8x%8x", &ret_address[0], &ret_address[1], &ret_address[2],
		   &ret_address[3]) == 4)
		return;
	ret_address[3] = ret_address[0];
	memcpy(ret_address, mapped, sizeof(mapped));
}

#define STATE_LISTEN 0x0a

/* /proc/PID/net/tcp: the listening rows of the process's network namespace. They come first (kernel:
 * Documentation/networking/proc_net_tcp.rst); of the others strangers may have made a million. */
static void read_table(struct scan *scan, pid_t pid, const char *table, uint32_t netns)
{
	AUTO_FILE FILE *file = NULL;
	char path[64], line[256], address[33];

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, table);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		struct found_socket *socket, *known = NULL;
		unsigned long inode;
		unsigned port, state;

		if (sscanf(line,
			   " %*u: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu",
			   address, &port, &state, &inode) != 4)
			continue; /* the heading */
		if (state != STATE_LISTEN)
			return;
		socket = HASH_COUNT(scan->sockets) < LISTENERS_MAX ? calloc(1, sizeof(*socket)) : NULL;
		if (!socket) {
			scan->listeners->table_full++;
			continue;
		}
		socket->inode = inode;
		socket->key = (struct listener_key){netns, port, {0}};
		read_address(address, socket->key.address);
		HASH_FIND(hh, scan->sockets, &socket->inode, sizeof(socket->inode), known);
		if (known)
			free(socket);
		else
			HASH_ADD(hh, scan->sockets, inode, sizeof(socket->inode), socket);
	}
}

static void read_namespace(void *context, pid_t pid)
{
	struct scan *scan = context;
	uint32_t netns = proc_namespace(pid, "net");
	struct seen_namespace *seen = NULL;

	if (!netns)
		return;
	HASH_FIND(hh, scan->namespaces, &netns, sizeof(netns), seen);
	if (seen || !(seen = calloc(1, sizeof(*seen))))
		return;
	seen->netns = netns;
	HASH_ADD(hh, scan->namespaces, netns, sizeof(seen->netns), seen);
	read_table(scan, pid, "tcp", netns);
	read_table(scan, pid, "tcp6", netns);
}

/* Match the process's descriptors with the sockets that listen. Who shares a socket comes after who made it:
 * lower PIDs are listed first. */
static void read_descriptors(void *context, pid_t pid)
{
	struct scan *scan = context;
	char path[300], target[64];
	AUTO_DIR DIR *directory = NULL;
	struct dirent *entry;

	if (!scan->sockets)
		return;
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		struct found_socket *socket = NULL;
		uint64_t inode;
		ssize_t len;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len <= 0)
			continue;
		target[len] = '\0';
		if (sscanf(target, "socket:[%lu]", &inode) != 1)
			continue;
		HASH_FIND(hh, scan->sockets, &inode, sizeof(inode), socket);
		if (!socket)
			continue;
		socket_add(scan->listeners, socket->key, pid, proc_cgroup(pid, scan->listeners->cgroup_fd));
		HASH_DEL(scan->sockets, socket);
		free(socket);
	}
}

static void scan_free(struct scan *scan)
{
	struct found_socket *socket, *next_socket;
	struct seen_namespace *seen, *next_seen;

	HASH_ITER (hh, scan->sockets, socket, next_socket) {
		HASH_DEL(scan->sockets, socket);
		free(socket);
	}
	HASH_ITER (hh, scan->namespaces, seen, next_seen) {
		HASH_DEL(scan->namespaces, seen);
		free(seen);
	}
}

int listeners_scan(struct listeners *listeners)
{
	struct scan scan = {.listeners = listeners};
	int error;

	listeners->scan_wanted = false;
	listeners->renamings = services_renamings(listeners->services);
	listeners->scan_began_ns = monotonic_ns();
	remove_all(listeners);
	error = proc_each(read_namespace, &scan);
	if (!error)
		error = proc_each(read_descriptors, &scan);
	scan_free(&scan);
	listeners->scan_ended_ns = monotonic_ns();
	return error;
}

void listeners_on_event(void *context, const struct listen_event *event)
{
	struct listeners *listeners = context;
	struct listener_key key = {event->header.netns, event->port, {0}};

	memcpy(key.address, event->address, sizeof(key.address));
	if (event->header.time_ns < listeners->scan_began_ns)
		return;
	/* While the scan ran it may or may not have seen this one. */
	if (event->header.time_ns < listeners->scan_ended_ns) {
		listeners->scan_wanted = true;
		return;
	}
	if (event->header.flags & EVENT_LISTEN_END) {
		socket_end(listeners, key);
		return;
	}
	/* What the process was called before it listened may be from before its exec. */
	services_forget_process(listeners->services, event->tgid);
	socket_add(listeners, key, event->tgid, event->cgroup);
}

uint64_t listeners_table_full(const struct listeners *listeners)
{
	return listeners->table_full;
}

void listeners_tick(struct listeners *listeners, uint64_t lost_events)
{
	struct listener *listener, *next;

	if (listeners->scan_wanted || lost_events != listeners->lost_events ||
	    services_renamings(listeners->services) != listeners->renamings)
		listeners_scan(listeners);
	listeners->lost_events = lost_events;
	HASH_ITER (hh, listeners->table, listener, next)
		if (!listener->service)
			name_service(listeners, listener);
}
