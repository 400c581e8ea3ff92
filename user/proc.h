// SPDX-License-Identifier: Apache-2.0
// What /proc says of a process, read through its own mount namespace. A process may die under any of these
// calls: they then fail or return less, never garbage.
#ifndef RINGSIDE_PROC_H
#define RINGSIDE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// A file of /proc/PID, NUL-terminated; what is longer than `size` is cut. Bytes read, or -errno.
ssize_t proc_read(pid_t pid, const char *file, char *buffer, size_t size);
/// A link of /proc/PID ("exe", "cwd"). Bytes, or -errno.
ssize_t proc_link(pid_t pid, const char *link, char *buffer, size_t size);
/// The value of an environment variable at the process's start. False if it is not set, or not readable.
bool proc_environment(pid_t pid, const char *name, char *buffer, size_t size);
/// The arguments of a command line as read from "cmdline" (len bytes, each argument ends in NUL); the
/// index-th, or NULL.
const char *proc_argument(const char *cmdline, size_t len, unsigned index);
/// Inode number of a namespace ("net"); 0 if it cannot be read.
uint32_t proc_namespace(pid_t pid, const char *name);
/// Id of the process's cgroup in the v2 hierarchy whose root is open as `root_fd`; 0 if it cannot be told.
uint64_t proc_cgroup(pid_t pid, int root_fd);
/// Parent process; 0 if it cannot be read.
pid_t proc_parent(pid_t pid);
/// The 64 hexadecimal digits of the container that the process is in, from its cgroups. False outside
/// containers.
bool proc_container(pid_t pid, char ret_id[65]);
/// The systemd unit ("nginx.service" → "nginx") that the process runs under. False without one, in user
/// sessions too.
bool proc_unit(pid_t pid, char *buffer, size_t size);
/// What stays the same until a process ends or executes another program, and its threads.
struct proc_life {
	uint64_t started_ticks; ///< since boot, in clock ticks
	uint64_t stack_start;   ///< anew, at random, for each program executed; 0 if we may not know
	unsigned threads;
};
/// 0, or -ESRCH if the process has ended, zombies included.
int proc_life(pid_t pid, struct proc_life *ret_life);
/// Opens a file or a directory as the process sees it; relative paths start in its working directory. A
/// descriptor, or -errno: -EACCES for what is neither, which is not touched.
int proc_open(pid_t pid, const char *path);
/// Calls back for every process there is. 0, or -errno if /proc cannot be read.
int proc_each(void (*each)(void *context, pid_t pid), void *context);

#endif
