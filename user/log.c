// SPDX-License-Identifier: Apache-2.0
// Turns each message into one line, logfmt as the Prometheus exporters write it or JSON, and sends it to
// stderr in one write(2). Nothing here allocates, so that running out of memory can still be reported.
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "utf8.h"

/// A write to a pipe of up to PIPE_BUF bytes is atomic: lines of several writers never mix. Others are cut.
enum { LINE_SIZE = PIPE_BUF };

/// What may follow a text that was cut: the sign for it, the quote, the brace of JSON and the newline.
#define CUT "…"
enum { TAIL_SIZE = sizeof(CUT "\"}\n") - 1 };

struct line {
	size_t len;
	char text[LINE_SIZE];
};

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

// The one exception to "state lives in structs": a log line must be possible from everywhere.
static enum log_level least_level = LOG_INFO;
static enum log_format line_format = LOG_LOGFMT;

void log_configure(enum log_level level, enum log_format format)
{
	least_level = level;
	line_format = format;
}

static void add(struct line *line, const char *text, size_t len)
{
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

static void add_text(struct line *line, const char *text)
{
	add(line, text, strlen(text));
}

/// Writes the first character of `text` as it stands in a JSON string; returns how many bytes of `text` it
/// took.
static size_t escape(const char *text, char ret_escaped[8])
{
	static const char plain[] = "\n\r\t\"\\";
	static const char letters[] = "nrt\"\\";
	const char *special = strchr(plain, text[0]);
	size_t len = utf8_length(text, SIZE_MAX);

	if (special)
		snprintf(ret_escaped, 8, "\\%c", letters[special - plain]);
	else if (!len)
		snprintf(ret_escaped, 8, "\\ufffd");
	else if (utf8_is_control(text, len)) // U+0080 to U+009F have their number in the second byte
		snprintf(ret_escaped, 8, "\\u%04x", (unsigned char)text[len - 1]);
	else
		snprintf(ret_escaped, 8, "%.*s", (int)len, text);
	return len ? len : 1;
}

/// logfmt quotes like JSON, so both formats share this.
static void add_quoted(struct line *line, const char *text)
{
	char escaped[8];

	add_text(line, "\"");
	while (*text) {
		text += escape(text, escaped);
		if (line->len + strlen(escaped) + TAIL_SIZE > LINE_SIZE) {
			add_text(line, CUT);
			break;
		}
		add_text(line, escaped);
	}
	add_text(line, "\"");
}

static void add_time(struct line *line)
{
	struct timespec now;
	struct tm utc;
	char text[sizeof("2006-01-02T15:04:05")], fraction[sizeof(".000Z")];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	add(line, text, strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc));
	snprintf(fraction, sizeof(fraction), ".%03uZ", (unsigned)(now.tv_nsec / 1000000) % 1000);
	add_text(line, fraction);
}

void log_line(enum log_level level, const char *format, ...)
{
	const int saved_errno = errno; // `return log_err(-errno, …)` reads it after us
	const bool json = line_format == LOG_JSON;
	struct line line = {.len = 0};
	char message[LINE_SIZE];
	va_list args;

	if (level < least_level)
		return;
	va_start(args, format);
	if (vsnprintf(message, sizeof(message), format, args) < 0)
		snprintf(message, sizeof(message), "cannot format: %s", format);
	va_end(args);

	add_text(&line, json ? "{\"ts\":\"" : "ts=");
	add_time(&line);
	add_text(&line, json ? "\",\"level\":\"" : " level=");
	add_text(&line, level_names[level]);
	add_text(&line, json ? "\",\"msg\":" : " msg=");
	add_quoted(&line, message);
	add_text(&line, json ? "}\n" : "\n");
	if (write(STDERR_FILENO, line.text, line.len) < 0) {
		// Nowhere to say so.
	}
	errno = saved_errno;
}
