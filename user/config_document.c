// SPDX-License-Identifier: Apache-2.0
// Reads the configuration file by a libcyaml schema: the place to add a key. What libcyaml says about a bad
// file in several lines becomes one. Where its data goes next: config.c checks the values.
#include "config_document.h"
#include "cleanup.h"
#include "log.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { FILE_SIZE_MAX = 1 << 20 };

#define OPTIONAL (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)
/// A key without a value is as good as no key: the entries below it may all be commented out.
#define MAYBE_EMPTY (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER_NULL_STR)

#define TEXT(key, type, member) CYAML_FIELD_STRING_PTR(key, OPTIONAL, struct type, member, 0, CYAML_UNLIMITED)
#define NUMBER(key, type, member) CYAML_FIELD_UINT_PTR(key, OPTIONAL, struct type, member)
#define MAPPING(key, type, member, fields) \
	CYAML_FIELD_MAPPING_PTR(key, MAYBE_EMPTY, struct type, member, fields)
#define SEQUENCE(key, type, member, entry)                                                        \
	CYAML_FIELD_SEQUENCE_COUNT(key, MAYBE_EMPTY, struct type, member, member##_len, entry, 0, \
				   CYAML_UNLIMITED)

static const cyaml_schema_value_t text_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t match_fields[] = {
	TEXT("container", document_match, container),
	TEXT("executable", document_match, executable),
	TEXT("command", document_match, command),
	NUMBER("port", document_match, port),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t service_fields[] = {
	TEXT("name", document_service, name),
	MAPPING("match", document_service, match, match_fields),
	SEQUENCE("routes", document_service, routes, &text_entry),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t service_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct document_service, service_fields),
};

static const cyaml_schema_field_t web_fields[] = {
	SEQUENCE("listen_addresses", document_web, listen_addresses, &text_entry),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t runtimes_fields[] = {
	TEXT("event_loop", document_runtimes, event_loop),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t limits_fields[] = {
	NUMBER("routes_per_service", document_limits, routes_per_service),
	NUMBER("series", document_limits, series),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t document_fields[] = {
	MAPPING("web", document, web, web_fields),
	SEQUENCE("services", document, services, &service_entry),
	MAPPING("runtimes", document, runtimes, runtimes_fields),
	MAPPING("limits", document, limits, limits_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t document_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER_NULL_STR, struct document, document_fields),
};

/// The two lines worth keeping of what libcyaml logs: what is wrong, and where.
struct complaint {
	char what[512];
	char where[128];
};

/// libcyaml logs the complaint first, then a backtrace, innermost first. An entry without a field, like
/// "in mapping (line …)", has the place of the key before an unknown one, maybe far away: not used.
static void hear(cyaml_log_t level, void *context, const char *format, va_list args)
{
	static const char prefix[] = "Load: ", entry[] = "  in ";
	struct complaint *complaint = context;
	char line[512];

	(void)level;
	if (vsnprintf(line, sizeof(line), format, args) < 0)
		return;
	if (line[0] && line[strlen(line) - 1] == '\n')
		line[strlen(line) - 1] = '\0';

	const char *text = line + (strncmp(line, prefix, strlen(prefix)) ? 0 : strlen(prefix));
	if (!complaint->what[0])
		snprintf(complaint->what, sizeof(complaint->what), "%s", text);
	else if (!complaint->where[0] && !strncmp(text, entry, strlen(entry)) && strchr(text, '\''))
		snprintf(complaint->where, sizeof(complaint->where), "%.120s", text + 1);
}

static cyaml_config_t cyaml_config_with(struct complaint *complaint)
{
	return (cyaml_config_t){
		.log_fn = complaint ? hear : NULL,
		.log_ctx = complaint,
		.log_level = CYAML_LOG_WARNING,
		.mem_fn = cyaml_mem,
	};
}

/// Reads at most `size` bytes; returns how many, or -errno.
static ssize_t read_file(const char *path, char *text, size_t size)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;

	if (fd < 0)
		return -errno;
	while (len < size) {
		ssize_t part = read(fd, text + len, size - len);

		if (part < 0)
			return -errno;
		if (part == 0)
			break;
		len += part;
	}
	return len;
}

int document_load(const char *path, struct document **ret_document)
{
	AUTO_FREE char *text = malloc(FILE_SIZE_MAX + 1);
	struct complaint complaint = {0};
	cyaml_config_t config = cyaml_config_with(&complaint);
	cyaml_data_t *data = NULL;

	if (!text)
		return log_err(-ENOMEM, "config file %s: out of memory", path);
	ssize_t len = read_file(path, text, FILE_SIZE_MAX + 1);
	if (len < 0)
		return log_err((int)len, "config file %s: %s", path, strerror((int)-len));
	if (len > FILE_SIZE_MAX)
		return log_err(-EFBIG, "config file %s: larger than %d bytes", path, FILE_SIZE_MAX);

	cyaml_err_t error =
		cyaml_load_data((const uint8_t *)text, len, &config, &document_schema, &data, NULL);
	if (error != CYAML_OK && !complaint.what[0])
		snprintf(complaint.what, sizeof(complaint.what), "%s", cyaml_strerror(error));
	if (complaint.what[0]) { // a warning too: it says that a second document is left out
		document_free(data);
		return log_err(error == CYAML_ERR_OOM ? -ENOMEM : -EINVAL, "config file %s: %s%s", path,
			       complaint.what, complaint.where);
	}
	*ret_document = data;
	return 0;
}

void document_free(struct document *document)
{
	cyaml_config_t config = cyaml_config_with(NULL);

	cyaml_free(&config, &document_schema, document, 0);
}
