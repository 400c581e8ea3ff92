// SPDX-License-Identifier: Apache-2.0
// Drives libcurl's multi interface by sockets: curl says which descriptors to watch and when to wake it,
// epoll does so. Bodies are only collected here: docker.c reads them when curl is off the stack.
#include "docker_http.h"
#include "cleanup.h"
#include "docker_parse.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

_Static_assert(sizeof(((struct docker_request *)0)->error) >= CURL_ERROR_SIZE, "curl writes beyond it");

struct docker_http {
	CURLM *multi;
	const char *socket;
	int epoll_fd;
	int timer_fd;
};

static int watch(int epoll_fd, int operation, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(epoll_fd, operation, fd, &event);
}

/// Always 0, since curl would give up every transfer on an error; one that is not watched has its time-out.
static int on_socket(CURL *curl, curl_socket_t fd, int what, void *context, void *socket_context)
{
	const struct docker_http *http = context;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);

	(void)curl;
	(void)socket_context;
	if (what == CURL_POLL_REMOVE)
		watch(http->epoll_fd, EPOLL_CTL_DEL, fd, 0);
	else if (watch(http->epoll_fd, EPOLL_CTL_MOD, fd, events))
		watch(http->epoll_fd, EPOLL_CTL_ADD, fd, events);
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
	const struct docker_http *http = context;
	struct itimerspec when = {.it_value = {timeout_ms / 1000, timeout_ms % 1000 * 1000000}};

	(void)multi;
	if (timeout_ms < 0)
		when.it_value = (struct timespec){0};
	else if (timeout_ms == 0)
		when.it_value.tv_nsec = 1; // 0 would disarm it
	return timerfd_settime(http->timer_fd, 0, &when, NULL);
}

static int init(struct docker_http *http)
{
	http->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (http->timer_fd < 0 || watch(http->epoll_fd, EPOLL_CTL_ADD, http->timer_fd, EPOLLIN))
		return -errno;
	http->multi = curl_multi_init();
	if (!http->multi)
		return -ENOMEM;
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	return 0;
}

int docker_http_new(const char *socket, int epoll_fd, struct docker_http **ret_http)
{
	struct docker_http *http = calloc(1, sizeof(*http));

	if (!http)
		return -ENOMEM;
	curl_global_init(CURL_GLOBAL_NOTHING);
	http->socket = socket;
	http->epoll_fd = epoll_fd;
	int err = init(http);
	if (err) {
		docker_http_free(http);
		return err;
	}
	*ret_http = http;
	return 0;
}

void docker_http_free(struct docker_http *http)
{
	if (!http)
		return;
	curl_multi_cleanup(http->multi);
	curl_global_cleanup();
	cleanup_close(&http->timer_fd);
	free(http);
}

void docker_http_ready(struct docker_http *http, int fd, uint32_t events)
{
	int running, what = 0;

	if (fd == http->timer_fd) {
		uint64_t expirations;

		if (read(fd, &expirations, sizeof(expirations)) > 0)
			curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP))
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		what |= CURL_CSELECT_ERR;
	curl_multi_socket_action(http->multi, fd, what, &running);
}

static size_t on_body(const char *data, size_t size, size_t count, void *context)
{
	struct docker_request *request = context;
	size_t len = size * count;

	request->too_large = request->body.len + len > request->body_max;
	if (request->too_large)
		return 0; // ends the transfer
	buffer_bytes(&request->body, data, len);
	return buffer_ok(&request->body) ? len : 0;
}

/// The daemon is on this host: neither proxies nor redirects nor anything but HTTP may lead elsewhere.
static void set_options(CURL *curl, const struct docker_http *http, long timeout_ms)
{
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, http->socket);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
}

struct docker_request *docker_http_get(struct docker_http *http, const char *path, size_t body_max,
				       long timeout_ms, void *owner)
{
	struct docker_request *request = calloc(1, sizeof(*request));
	CURL *curl = curl_easy_init();
	char url[512];

	if (!request || !curl)
		goto no_memory;
	snprintf(url, sizeof(url), "http://docker%s", path);
	set_options(curl, http, timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, request);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, request->error);
	request->curl = curl;
	request->owner = owner;
	request->body_max = body_max;
	if (curl_easy_setopt(curl, CURLOPT_URL, url) || curl_multi_add_handle(http->multi, curl))
		goto no_memory;
	return request;

no_memory:
	curl_easy_cleanup(curl);
	free(request);
	return NULL;
}

void docker_request_free(struct docker_http *http, struct docker_request *request)
{
	if (!request)
		return;
	curl_multi_remove_handle(http->multi, request->curl);
	curl_easy_cleanup(request->curl);
	buffer_free(&request->body);
	free(request);
}

struct docker_request *docker_http_ended(struct docker_http *http)
{
	struct docker_request *request = NULL;
	CURLMsg *message;
	int left;

	do
		message = curl_multi_info_read(http->multi, &left);
	while (message && message->msg != CURLMSG_DONE);
	if (!message)
		return NULL;
	curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
	request->result = message->data.result;
	return request;
}

long docker_request_status(const struct docker_request *request)
{
	long status = 0;

	curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/// Why no answer came, or none that we take.
static void describe_failure(const char *socket, const struct docker_request *request, char *ret_trouble,
			     size_t size)
{
	long os_errno = 0;

	curl_easy_getinfo(request->curl, CURLINFO_OS_ERRNO, &os_errno);
	if (request->too_large)
		snprintf(ret_trouble, size, "answer of %s is larger than %zu bytes", socket,
			 request->body_max);
	else if (request->result == CURLE_OPERATION_TIMEDOUT)
		snprintf(ret_trouble, size, "no answer from %s in time", socket);
	else if (request->result == CURLE_COULDNT_CONNECT && os_errno == ENOENT)
		snprintf(ret_trouble, size, "no socket at %s", socket);
	else if (request->result == CURLE_COULDNT_CONNECT && os_errno)
		snprintf(ret_trouble, size, "cannot connect to %s: %s", socket, strerror((int)os_errno));
	else
		snprintf(ret_trouble, size, "%s: %s", socket,
			 request->error[0] ? request->error : curl_easy_strerror(request->result));
}

bool docker_request_ok(const struct docker_http *http, struct docker_request *request, char *ret_trouble,
		       size_t size)
{
	long status = docker_request_status(request);
	char words[128];

	if (request->result != CURLE_OK) {
		describe_failure(http->socket, request, ret_trouble, size);
		return false;
	}
	if (status == 200)
		return true;
	docker_parse_refusal(request->body.data, request->body.len, words, sizeof(words));
	snprintf(ret_trouble, size, "%s answered HTTP %ld%s%s", http->socket, status, words[0] ? ": " : "",
		 words);
	return false;
}
