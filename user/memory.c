// SPDX-License-Identifier: Apache-2.0
// Other processes' memory by process_vm_readv(2), and by /proc/PID/mem where a seccomp filter or an old
// kernel takes that call away. What was read goes to the runtimes.
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cleanup.h"

static int count_outcome(int error, struct memory_counts *counts)
{
	switch (error) {
	case 0:
		counts->reads++;
		break;
	case -ESRCH:
		counts->gone++;
		break;
	case -EPERM:
		counts->denied++;
		break;
	case -EFAULT:
		counts->unmapped++;
		break;
	default:
		counts->other++;
	}
	return error;
}

static int read_at_once(pid_t pid, const struct memory_part *parts, size_t count, size_t total)
{
	struct iovec local[MEMORY_PARTS_MAX], remote[MEMORY_PARTS_MAX];
	ssize_t got;

	for (size_t i = 0; i < count; i++) {
		local[i] = (struct iovec){parts[i].to, parts[i].len};
		remote[i] = (struct iovec){(void *)(uintptr_t)parts[i].address, parts[i].len};
	}
	got = process_vm_readv(pid, local, count, remote, count, 0);
	if (got < 0)
		return -errno;
	return (size_t)got == total ? 0 : -EFAULT;
}

/* The file belongs to the address space that the process had when it was opened: no other is ever read. */
static int read_file(pid_t pid, const struct memory_part *parts, size_t count)
{
	AUTO_CLOSE int fd = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH ? -ESRCH : -EPERM;
	for (size_t i = 0; i < count; i++) {
		ssize_t got = pread(fd, parts[i].to, parts[i].len, (off_t)parts[i].address);

		/* Nothing at all, without an error: the address space has ended. */
		if (got == 0 && parts[i].len)
			return -ESRCH;
		if (got != (ssize_t)parts[i].len)
			return -EFAULT;
	}
	return 0;
}

static int check_limits(const struct memory_part *parts, size_t count, size_t *ret_total)
{
	*ret_total = 0;
	if (count > MEMORY_PARTS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len > MEMORY_BYTES_MAX || *ret_total + parts[i].len > MEMORY_BYTES_MAX)
			return -E2BIG;
		/* pread takes offsets without the sign bit; no user address has it. */
		if (parts[i].address > (uint64_t)INT64_MAX - parts[i].len)
			return -EFAULT;
		*ret_total += parts[i].len;
	}
	return 0;
}

int memory_read_parts(pid_t pid, const struct memory_part *parts, size_t count, struct memory_counts *counts)
{
	size_t total;
	int error = check_limits(parts, count, &total);

	if (!error)
		error = read_at_once(pid, parts, count, total);
	if (error == -ENOSYS || error == -EPERM)
		error = read_file(pid, parts, count);
	if (error)
		for (size_t i = 0; i < count; i++)
			memset(parts[i].to, 0, parts[i].len);
	return count_outcome(error, counts);
}

int memory_read(pid_t pid, uint64_t address, void *ret, size_t len, struct memory_counts *counts)
{
	return memory_read_parts(pid, &(struct memory_part){address, ret, len}, 1, counts);
}
