// SPDX-License-Identifier: Apache-2.0
// Writes what containers and systemd services send and receive, and how their TCP connections fare. Names,
// help texts and labels live here.
#ifndef RINGSIDE_NETWORK_FAMILIES_H
#define RINGSIDE_NETWORK_FAMILIES_H

struct exposition;
struct observation;

/// After container_families_write, which has looked who there is.
void network_families_write(struct exposition *exposition, const struct observation *observation);

#endif
