// SPDX-License-Identifier: Apache-2.0
// The command `doctor`: tries what `run` needs on this host and says what is off, why, and what to do.
#ifndef RINGSIDE_DOCTOR_H
#define RINGSIDE_DOCTOR_H

struct options;

/// Exit status 0 if the main job can run.
int doctor(const struct options *options);

#endif
