// SPDX-License-Identifier: Apache-2.0
// Turns what a user writes behind --web.listen-address into a listening socket.
#ifndef RINGSIDE_LISTEN_H
#define RINGSIDE_LISTEN_H

#include <stdbool.h>

/// Whether listen_open could understand it; nothing is looked up or bound.
bool listen_is_address(const char *address);

/// "host:port", "[v6]:port" or ":port" (every address, IPv4 and IPv6). A host may be a name such as
/// localhost: its first IPv4 address is taken, else its first IPv6 one, as Go's servers do. The socket does
/// not block and is the caller's. On failure logs one line that quotes the address and returns -errno;
/// *ret_fd is then untouched.
int listen_open(const char *address, int *ret_fd);

#endif
