// SPDX-License-Identifier: Apache-2.0
// Log lines on stderr, logfmt or JSON, level-filtered. `return log_err(-EINVAL, "…")` logs and keeps the
// error code.
#ifndef RINGSIDE_LOG_H
#define RINGSIDE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

void log_configure(enum log_level level, enum log_format format);
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
/// Logs at level error and evaluates to `code`.
#define log_err(code, ...) (log_line(LOG_ERROR, __VA_ARGS__), (code))

#endif
