// SPDX-License-Identifier: Apache-2.0
// Reads the daemon's JSON with jansson. Values come from whoever built an image or started a container, so
// every text is bounded and an id is checked before docker.c puts it into a path.
#include "docker_parse.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/// The largest process id that the kernel can give (PID_MAX_LIMIT).
enum { PID_MAX = 4 << 20 };

/// What jansson refuses would let one container hide all others, like a NUL in the name of a label.
/// NULs become U+FFFD, in place; integers may be larger than jansson's.
static json_t *load(char *text, size_t len)
{
	static const char nul[] = "\\u0000", replacement[] = "\\ufffd";
	const size_t size = strlen(nul);

	if (!len)
		return NULL;
	for (char *at = text, *end = text + len; (at = memchr(at, '\\', end - at)) && at + size <= end;
	     at += 2)
		if (memcmp(at, nul, size) == 0)
			memcpy(at, replacement, size);
	return json_loadb(text, len, JSON_DECODE_INT_AS_REAL, NULL);
}

static bool is_id(const char *text)
{
	return strlen(text) == DOCKER_ID_LEN && strspn(text, "0123456789abcdef") == DOCKER_ID_LEN;
}

/// The text of `object[key]`, "" if it is missing, no text or too long.
static const char *text_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) && json_string_length(value) <= DOCKER_TEXT_MAX
		       ? json_string_value(value)
		       : "";
}

/// The process id in `object[key]`, 0 if there is none.
static long pid_of(const json_t *object, const char *key)
{
	double pid = json_number_value(json_object_get(object, key));

	return pid >= 1 && pid <= PID_MAX ? (long)pid : 0;
}

/// How often the restart policy has started it again, -1 if that is not said.
static long restarts_of(const json_t *root)
{
	const json_t *value = json_object_get(root, "RestartCount");
	double count = json_number_value(value);

	return json_is_number(value) && count >= 0 && count <= INT32_MAX ? (long)count : -1;
}

/// ".679633337", which may be missing; -1 if there is no digit behind the point.
static double fraction_of(const char **at)
{
	double fraction = 0, unit = 1;

	if (**at != '.')
		return 0;
	(*at)++;
	if (**at < '0' || **at > '9')
		return -1;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		unit /= 10;
		fraction += (**at - '0') * unit;
	}
	return fraction;
}

/// "Z" or "+01:00", to the end. False if it is neither.
static bool zone_of(const char *at, int *ret_seconds)
{
	char sign;
	int hours, minutes, len = 0;

	*ret_seconds = 0;
	if (!strcmp(at, "Z") || !strcmp(at, "z"))
		return true;
	if (sscanf(at, "%c%2d:%2d%n", &sign, &hours, &minutes, &len) != 3 || at[len] || len != 6)
		return false;
	*ret_seconds = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
	return sign == '+' || sign == '-';
}

double docker_parse_time(const char *text)
{
	struct tm time = {0};
	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &time);
	double fraction = at ? fraction_of(&at) : -1;
	int offset;

	if (fraction < 0 || !zone_of(at, &offset) || time.tm_year < 70)
		return 0;
	return (double)(timegm(&time) - offset) + fraction;
}

int docker_parse_inspection(char *text, size_t len, struct docker_inspection *ret_inspection)
{
	json_t *root = load(text, len);
	const json_t *state = json_object_get(root, "State");
	const json_t *config = json_object_get(root, "Config");
	const json_t *labels = json_object_get(config, "Labels");
	const char *name = text_of(root, "Name");
	const char *orchestrator = text_of(labels, "com.docker.swarm.service.name");

	if (!is_id(text_of(root, "Id")) || !json_is_object(state)) {
		json_decref(root);
		return -EBADMSG;
	}
	*ret_inspection = (struct docker_inspection){
		.json = root,
		.running = json_is_true(json_object_get(state, "Running")),
		.container =
			{
				.id = text_of(root, "Id"),
				.name = name + (name[0] == '/'),
				.image = text_of(config, "Image"),
				.service_label = text_of(labels, "ringside.service"),
				.compose_service = text_of(labels, "com.docker.compose.service"),
				.compose_project = text_of(labels, "com.docker.compose.project"),
				.orchestrator_service =
					orchestrator[0] ? orchestrator
							: text_of(labels, "io.kubernetes.container.name"),
				.started_s = docker_parse_time(text_of(state, "StartedAt")),
				.pid = pid_of(state, "Pid"),
				.restarts = restarts_of(root),
			},
	};
	return 0;
}

void docker_inspection_free(struct docker_inspection *inspection)
{
	json_decref(inspection->json);
	inspection->json = NULL;
}

int docker_parse_list(char *text, size_t len, void (*on_id)(void *context, const char *id), void *context)
{
	json_t *list = load(text, len);
	json_t *entry;
	size_t i;

	if (!json_is_array(list)) {
		json_decref(list);
		return -EBADMSG;
	}
	json_array_foreach(list, i, entry)
	{
		const char *id = text_of(entry, "Id");

		if (is_id(id))
			on_id(context, id);
	}
	json_decref(list);
	return 0;
}

/// Podman says "died" and "remove" where Docker says "die" and "destroy".
static enum docker_change change_of(const char *action)
{
	static const struct {
		const char *action;
		enum docker_change change;
	} changes[] = {
		{"start", DOCKER_CHANGED}, {"rename", DOCKER_CHANGED}, {"update", DOCKER_CHANGED},
		{"die", DOCKER_GONE},      {"died", DOCKER_GONE},      {"destroy", DOCKER_GONE},
		{"remove", DOCKER_GONE},   {"oom", DOCKER_OOM},
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		if (strcmp(action, changes[i].action) == 0)
			return changes[i].change;
	return DOCKER_UNRELATED;
}

int docker_parse_event(char *text, size_t len, struct docker_event *ret_event)
{
	json_t *event = load(text, len);
	const char *id = text_of(json_object_get(event, "Actor"), "ID");
	enum docker_change change = change_of(text_of(event, "Action"));
	int err = json_is_object(event) ? 0 : -EBADMSG;

	if (strcmp(text_of(event, "Type"), "container") != 0 || !is_id(id))
		change = DOCKER_UNRELATED;
	if (!err) {
		ret_event->change = change;
		snprintf(ret_event->id, sizeof(ret_event->id), "%s", change == DOCKER_UNRELATED ? "" : id);
	}
	json_decref(event);
	return err;
}

void docker_parse_refusal(char *text, size_t len, char *ret_words, size_t size)
{
	json_t *root = load(text, len);

	snprintf(ret_words, size, "%s", text_of(root, "message"));
	json_decref(root);
}
