// SPDX-License-Identifier: Apache-2.0
// The connection to the daemon: first the stream of events, then the list, so that nothing falls between;
// after a loss both again. What they say goes to docker_containers.c, which tells the observer.
#include "docker.h"
#include "cleanup.h"
#include "docker_containers.h"
#include "docker_http.h"
#include "docker_parse.h"
#include "log.h"
#include "monotonic.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

enum {
	NEVER = -1,
	ANSWER_TIMEOUT_S = 5,
	LIST_AGAIN_S = 30,
	BACKOFF_MIN_S = 1,
	BACKOFF_MAX_S = 30,
	STABLE_S = 60,      ///< a connection that lasted so long resets the back-off
	UNANSWERED_MAX = 8, ///< so many inspections in a row without an answer: it is not the container
	EVENT_SIZE_MAX = 1 << 20,
	TROUBLE_SIZE = 256,
	LIST_SIZE_MAX = 32 << 20, ///< 10 000 containers of compose take 16 MB
};

/// {"type":["container"],"event":["start","rename","update","die","died","destroy","remove","oom"]}, the
/// words of Docker and of Podman. Without this filter every health check would come too, as three events.
static const char events_filter[] = "%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B"
				    "%22start%22%2C%22rename%22%2C%22update%22%2C%22die%22%2C%22died%22%2C"
				    "%22destroy%22%2C%22remove%22%2C%22oom%22%5D%7D";

struct docker {
	char *socket;
	struct docker_http *http;
	struct docker_containers *containers;
	struct docker_request *stream; ///< NULL while waiting to connect again
	struct docker_request *list;
	time_t accepted_at;
	int backoff_s;
	unsigned unanswered;
	int epoll_fd;
	int timer_fd;    ///< without a stream: connect; until it is accepted: give up; then: list again
	bool accepted;   ///< the stream is, that is its head has come
	bool list_again; ///< the timer is set
	bool listed;
	char trouble[TROUBLE_SIZE]; ///< empty while connected
};

static time_t now_s(void)
{
	return (time_t)(monotonic_ns() / 1000000000);
}

/// 0 is at once, NEVER turns it off.
static void set_timer(const struct docker *docker, int delay_s)
{
	struct itimerspec when = {.it_value = {.tv_sec = delay_s}};

	if (delay_s == 0)
		when.it_value.tv_nsec = 1;
	if (delay_s == NEVER)
		when.it_value.tv_sec = 0;
	timerfd_settime(docker->timer_fd, 0, &when, NULL);
}

/// The containers stay: only a later list can say that they are gone.
static void disconnect(struct docker *docker, const char *trouble)
{
	if (strcmp(docker->trouble, trouble) != 0)
		log_warn("docker: %s; trying again", trouble);
	snprintf(docker->trouble, sizeof(docker->trouble), "%s", trouble);
	docker->listed = true;

	docker_request_free(docker->http, TAKE_PTR(docker->stream));
	docker_request_free(docker->http, TAKE_PTR(docker->list));
	docker_containers_doubt(docker->containers);
	docker->unanswered = 0;
	docker->list_again = false;

	if (docker->accepted && now_s() - docker->accepted_at >= STABLE_S)
		docker->backoff_s = BACKOFF_MIN_S;
	docker->accepted = false;
	set_timer(docker, docker->backoff_s);
	docker->backoff_s = docker->backoff_s * 2 < BACKOFF_MAX_S ? docker->backoff_s * 2 : BACKOFF_MAX_S;
}

/// Docker sends the head of its answer before it subscribes us; `since` makes it repeat what came in between.
static void connect_stream(struct docker *docker)
{
	struct timespec now;
	char path[320];

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(path, sizeof(path), "/events?since=%lld.%09ld&filters=%s", (long long)now.tv_sec,
		 now.tv_nsec, events_filter);
	docker->stream = docker_http_get(docker->http, path, EVENT_SIZE_MAX, 0, NULL);
	if (!docker->stream)
		disconnect(docker, "out of memory");
	else
		set_timer(docker, ANSWER_TIMEOUT_S);
}

static void request_list(struct docker *docker)
{
	docker_containers_begin_list(docker->containers);
	docker->list = docker_http_get(docker->http, "/containers/json", LIST_SIZE_MAX,
				       ANSWER_TIMEOUT_S * 1000, NULL);
	if (!docker->list)
		disconnect(docker, "out of memory");
}

/// The remedy for whatever went wrong with one container or one event.
static void list_again(struct docker *docker)
{
	if (!docker->list_again)
		set_timer(docker, LIST_AGAIN_S);
	docker->list_again = true;
}

static void on_timer(struct docker *docker)
{
	uint64_t expirations;
	char trouble[TROUBLE_SIZE];

	if (read(docker->timer_fd, &expirations, sizeof(expirations)) < 0)
		return; // it was set anew since epoll reported it
	if (!docker->stream) {
		connect_stream(docker);
	} else if (!docker->accepted) {
		snprintf(trouble, sizeof(trouble), "no answer from %s in time", docker->socket);
		disconnect(docker, trouble);
	} else {
		docker->list_again = false;
		if (!docker->list)
			request_list(docker);
	}
}

static void on_event(struct docker *docker, char *line, size_t len)
{
	struct docker_event event;

	if (docker_parse_event(line, len, &event)) {
		log_debug("docker: not an event: %.*s", len < 200 ? (int)len : 200, line);
		list_again(docker);
	} else if (event.change == DOCKER_CHANGED) {
		docker_containers_changed(docker->containers, event.id);
	} else if (event.change == DOCKER_GONE) {
		docker_containers_gone(docker->containers, event.id);
	} else if (event.change == DOCKER_OOM) {
		docker_containers_oom(docker->containers, event.id);
	}
}

static void accept_stream(struct docker *docker)
{
	docker->accepted = true;
	docker->accepted_at = now_s();
	set_timer(docker, NEVER);
	request_list(docker);
}

/// Takes the complete lines out of what the stream has brought.
static void read_events(struct docker *docker)
{
	struct buffer *body = &docker->stream->body;
	char *line = body->data, *newline;
	size_t left = body->len;

	while (left && (newline = memchr(line, '\n', left))) {
		on_event(docker, line, newline - line);
		left -= newline + 1 - line;
		line = newline + 1;
	}
	if (left)
		memmove(body->data, line, left);
	body->len = left;
}

static void on_stream_ended(struct docker *docker)
{
	char trouble[TROUBLE_SIZE];

	if (docker_request_ok(docker->http, docker->stream, trouble, sizeof(trouble)))
		snprintf(trouble, sizeof(trouble), "%s closed the stream of events", docker->socket);
	disconnect(docker, trouble);
}

static void on_listed(void *context, const char *id)
{
	docker_containers_listed(context, id);
}

static void take_list(struct docker *docker, struct docker_request *list)
{
	struct docker_containers *containers = docker->containers;
	char trouble[TROUBLE_SIZE];

	if (!docker_request_ok(docker->http, list, trouble, sizeof(trouble))) {
		disconnect(docker, trouble);
	} else if (docker_parse_list(list->body.data, list->body.len, on_listed, containers)) {
		snprintf(trouble, sizeof(trouble), "%s: the list of containers is not one", docker->socket);
		disconnect(docker, trouble);
	} else {
		docker_containers_end_list(containers);
		docker->unanswered = 0;
		if (docker->trouble[0])
			log_info("docker: connected to %s, %u containers run", docker->socket,
				 docker_containers_count(containers));
		docker->trouble[0] = '\0';
	}
}

static void on_list_ended(struct docker *docker)
{
	struct docker_request *list = TAKE_PTR(docker->list);

	take_list(docker, list);
	docker_request_free(docker->http, list);
}

static void on_inspection_ended(struct docker *docker, struct docker_request *request)
{
	char trouble[TROUBLE_SIZE];
	int err = docker_containers_take(docker->containers, request, trouble, sizeof(trouble));

	docker->unanswered = err == -ETIMEDOUT ? docker->unanswered + 1 : 0;
	if (!err)
		return;
	log_debug("docker: inspection of a container: %s", trouble);
	if (docker->unanswered < UNANSWERED_MAX)
		list_again(docker);
	else
		disconnect(docker, trouble);
}

static void on_request_ended(struct docker *docker, struct docker_request *request)
{
	if (request == docker->stream)
		on_stream_ended(docker);
	else if (request == docker->list)
		on_list_ended(docker);
	else
		on_inspection_ended(docker, request);
}

void docker_run(struct docker *docker)
{
	struct epoll_event events[16];
	struct docker_request *request;
	int count = epoll_wait(docker->epoll_fd, events, sizeof(events) / sizeof(*events), 0);

	for (int i = 0; i < count; i++) {
		if (events[i].data.fd == docker->timer_fd)
			on_timer(docker);
		else
			docker_http_ready(docker->http, events[i].data.fd, events[i].events);
	}
	if (docker->stream && !docker->accepted && docker_request_status(docker->stream) == 200)
		accept_stream(docker);
	if (docker->stream && docker->accepted)
		read_events(docker);
	while ((request = docker_http_ended(docker->http)))
		on_request_ended(docker, request);
	if (docker_containers_inspect(docker->containers))
		disconnect(docker, "out of memory");
	if (!docker->trouble[0] && docker_containers_settled(docker->containers))
		docker->listed = true;
}

static int init(struct docker *docker, const char *socket, const struct docker_observer *observer)
{
	struct epoll_event event = {.events = EPOLLIN};

	docker->socket = strdup(socket);
	if (!docker->socket)
		return -ENOMEM;
	docker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (docker->epoll_fd < 0)
		return -errno;
	docker->timer_fd = event.data.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (docker->timer_fd < 0 || epoll_ctl(docker->epoll_fd, EPOLL_CTL_ADD, docker->timer_fd, &event))
		return -errno;

	int err = docker_http_new(docker->socket, docker->epoll_fd, &docker->http);
	if (err)
		return err;
	docker->containers = docker_containers_new(docker->http, observer);
	if (!docker->containers)
		return -ENOMEM;
	set_timer(docker, 0);
	return 0;
}

int docker_new(const char *socket, const struct docker_observer *observer, struct docker **ret_docker)
{
	struct docker *docker = malloc(sizeof(*docker));

	if (!docker)
		return -ENOMEM;
	*docker = (struct docker){
		.epoll_fd = -1,
		.timer_fd = -1,
		.backoff_s = BACKOFF_MIN_S,
		.trouble = "not connected yet",
	};
	int err = init(docker, socket, observer);
	if (err) {
		docker_free(docker);
		return err;
	}
	*ret_docker = docker;
	return 0;
}

void docker_free(struct docker *docker)
{
	if (!docker)
		return;
	docker_request_free(docker->http, docker->stream);
	docker_request_free(docker->http, docker->list);
	docker_containers_free(docker->containers);
	docker_http_free(docker->http);
	cleanup_close(&docker->timer_fd);
	cleanup_close(&docker->epoll_fd);
	free(docker->socket);
	free(docker);
}

int docker_fd(const struct docker *docker)
{
	return docker->epoll_fd;
}

bool docker_listed(const struct docker *docker)
{
	return docker->listed;
}

const char *docker_trouble(const struct docker *docker)
{
	return docker->trouble[0] ? docker->trouble : NULL;
}
