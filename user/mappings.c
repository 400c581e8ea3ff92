// SPDX-License-Identifier: Apache-2.0
// Parses /proc/PID/maps line by line in a buffer of fixed size. Who looks for a file in a process asks here
// and opens it with elf_file.
#include "mappings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define BUFFER_SIZE (32 * 1024) ///< a line is at most PATH_MAX and its escapes, and a few numbers, long

/* Hexadecimal digits up to `end`, which is skipped. */
static bool take_number(const char **at, char end, uint64_t *ret_number)
{
	uint64_t number = 0;
	const char *digits = *at;

	for (;; (*at)++) {
		char c = **at;

		if (c >= '0' && c <= '9')
			number = number << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			number = number << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	if (*at == digits || *at - digits > 16 || **at != end)
		return false;
	(*at)++;
	*ret_number = number;
	return true;
}

static bool skip_word(const char **at)
{
	size_t len = strcspn(*at, " ");

	*at += len + strspn(*at + len, " ");
	return len > 0;
}

bool mapping_parse(const char *line, struct mapping *ret_mapping)
{
	struct mapping mapping = {0};
	const char *at = line;

	if (!take_number(&at, '-', &mapping.start) || !take_number(&at, ' ', &mapping.end) ||
	    mapping.start >= mapping.end || strcspn(at, " ") != 4 || at[4] != ' ')
		return false;
	mapping.readable = at[0] == 'r';
	mapping.writable = at[1] == 'w';
	mapping.executable = at[2] == 'x';
	at += 5;
	if (!take_number(&at, ' ', &mapping.offset) || !skip_word(&at) || !skip_word(&at))
		return false;
	mapping.path = at;
	*ret_mapping = mapping;
	return true;
}

struct lines {
	bool (*each)(void *context, const struct mapping *mapping);
	void *context;
	unsigned seen;
};

/* Takes the complete lines out of the buffer; what remains moves to its front. 1: enough seen. */
static int take_lines(struct lines *lines, char *buffer, size_t *len)
{
	char *line = buffer, *newline;

	while ((newline = memchr(line, '\n', *len - (size_t)(line - buffer)))) {
		struct mapping mapping;

		*newline = '\0';
		if (lines->seen++ == MAPPINGS_MAX)
			return -E2BIG;
		if (mapping_parse(line, &mapping) && !lines->each(lines->context, &mapping))
			return 1;
		line = newline + 1;
	}
	*len -= (size_t)(line - buffer);
	memmove(buffer, line, *len);
	return 0;
}

int mappings_each(pid_t pid, bool (*each)(void *context, const struct mapping *mapping), void *context)
{
	AUTO_FREE char *buffer = malloc(BUFFER_SIZE);
	AUTO_CLOSE int fd = -1;
	struct lines lines = {.each = each, .context = context};
	char path[32];
	size_t len = 0;

	if (!buffer)
		return -ENOMEM;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES || errno == EPERM ? -EPERM : -ESRCH;
	for (;;) {
		ssize_t got = read(fd, buffer + len, BUFFER_SIZE - len);
		int error;

		if (got < 0)
			return errno == EACCES || errno == EPERM ? -EPERM : -ESRCH;
		if (got == 0)
			return 0;
		len += (size_t)got;
		error = take_lines(&lines, buffer, &len);
		if (error)
			return error < 0 ? error : 0;
		if (len == BUFFER_SIZE)
			return -E2BIG;
	}
}
