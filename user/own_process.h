// SPDX-License-Identifier: Apache-2.0
// What ringside costs this host, in the process_* families that every Prometheus client has.
#ifndef RINGSIDE_OWN_PROCESS_H
#define RINGSIDE_OWN_PROCESS_H

struct exposition;

void own_process_write(struct exposition *exposition);

#endif
