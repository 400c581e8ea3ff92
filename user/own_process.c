// SPDX-License-Identifier: Apache-2.0
// Writes process_*: CPU time, memory, start and descriptors of ringside itself, as getrusage and /proc tell
// them. self.c calls it.
#include "own_process.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "exposition.h"
#include "proc.h"

static void write_cpu(struct exposition *exposition)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	exposition_family(exposition, "process_cpu_seconds_total", METRIC_COUNTER,
			  "User and system CPU time of ringside.");
	exposition_value(exposition, NULL, 0,
			 usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
				 (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static void write_memory(struct exposition *exposition)
{
	unsigned long size = 0, resident = 0;
	char text[512];

	if (proc_read(getpid(), "statm", text, sizeof(text)) <= 0 ||
	    sscanf(text, "%lu %lu", &size, &resident) != 2)
		return;
	exposition_family(exposition, "process_resident_memory_bytes", METRIC_GAUGE,
			  "Resident memory of ringside.");
	exposition_value(exposition, NULL, 0, (double)resident * sysconf(_SC_PAGESIZE));
	exposition_family(exposition, "process_virtual_memory_bytes", METRIC_GAUGE,
			  "Virtual memory of ringside.");
	exposition_value(exposition, NULL, 0, (double)size * sysconf(_SC_PAGESIZE));
}

static void write_start(struct exposition *exposition)
{
	unsigned long long started = 0;
	struct timespec now, boot;
	const char *after;
	char text[512];

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	if (proc_read(getpid(), "stat", text, sizeof(text)) <= 0 || !(after = strrchr(text, ')')) ||
	    sscanf(after + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &started) != 1)
		return;
	exposition_family(exposition, "process_start_time_seconds", METRIC_GAUGE,
			  "Start of ringside in seconds since the epoch.");
	exposition_value(exposition, NULL, 0,
			 now.tv_sec + now.tv_nsec / 1e9 - (boot.tv_sec + boot.tv_nsec / 1e9) +
				 (double)started / sysconf(_SC_CLK_TCK));
}

static void write_descriptors(struct exposition *exposition)
{
	AUTO_DIR DIR *descriptors = opendir("/proc/self/fd");
	unsigned open_fds = 0;

	while (descriptors && readdir(descriptors))
		open_fds++;
	exposition_family(exposition, "process_open_fds", METRIC_GAUGE, "Open file descriptors of ringside.");
	exposition_value(exposition, NULL, 0, open_fds > 3 ? open_fds - 3 : 0); /* ".", ".." and this one */
}

void own_process_write(struct exposition *exposition)
{
	write_cpu(exposition);
	write_memory(exposition);
	write_start(exposition);
	write_descriptors(exposition);
}
