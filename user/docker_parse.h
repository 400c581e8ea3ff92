// SPDX-License-Identifier: Apache-2.0
// What the daemon's JSON says. Pure: text in, facts out; the text may be changed on the way.
// Source: Docker Engine API, ContainerList, ContainerInspect and SystemEvents. Podman serves the same.
#ifndef RINGSIDE_DOCKER_PARSE_H
#define RINGSIDE_DOCKER_PARSE_H

#include "docker.h"

struct json_t;

enum { DOCKER_ID_LEN = 64, DOCKER_TEXT_MAX = 512 };

/// The answer to /containers/ID/json.
struct docker_inspection {
	struct docker_container container; ///< borrowed from `json`; texts beyond DOCKER_TEXT_MAX are empty
	bool running;
	struct json_t *json; ///< owned
};

/// -EBADMSG if it is not the description of a container.
int docker_parse_inspection(char *text, size_t len, struct docker_inspection *ret_inspection);
void docker_inspection_free(struct docker_inspection *inspection);

/// Calls `on_id` for each container in the answer to /containers/json, or returns -EBADMSG if it is no list.
int docker_parse_list(char *text, size_t len, void (*on_id)(void *context, const char *id), void *context);

enum docker_change {
	DOCKER_UNRELATED, ///< an event of no interest
	DOCKER_CHANGED,   ///< started, renamed, …: worth an inspection
	DOCKER_GONE,      ///< its processes are gone
	DOCKER_OOM,       ///< one of its processes was killed for want of memory
};

struct docker_event {
	enum docker_change change;
	char id[DOCKER_ID_LEN + 1]; ///< empty if unrelated
};

/// One line of /events. -EBADMSG if it is not an event.
int docker_parse_event(char *text, size_t len, struct docker_event *ret_event);

/// Seconds since the epoch of an RFC 3339 time; 0 if it is none, or before 1970 (Docker's "never" is the year
/// 1).
double docker_parse_time(const char *text);

/// The daemon's words in the body of a refusal ({"message": "…"}), "" if there are none.
void docker_parse_refusal(char *text, size_t len, char *ret_words, size_t size);

#endif
