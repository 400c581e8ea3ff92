// SPDX-License-Identifier: Apache-2.0
// Writes what containers and systemd services use, under cAdvisor's names. Names, help texts and labels live
// here.
#ifndef RINGSIDE_CONTAINER_FAMILIES_H
#define RINGSIDE_CONTAINER_FAMILIES_H

struct exposition;
struct observation;

/// Reads the files of every cgroup that is shown, once.
void container_families_write(struct exposition *exposition, const struct observation *observation);

#endif
