// SPDX-License-Identifier: Apache-2.0
// What one observed request costs in user space: nanoseconds per head decoded and per target given its route.
// Build with -O2 and without sanitizers. A figure is the best of several rounds: other work only ever adds.
#include "protocols/http1.h"
#include "routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 20, CALLS = 200000, TARGETS = 1 << 16, TARGET_MAX = 64 };

static const char wrk_get[] = "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n\r\n";

static const char browser_get[] =
	"GET /api/v1/users/5a2c/orders?page=2&sort=desc HTTP/1.1\r\n"
	"Host: shop.example.com\r\n"
	"Connection: keep-alive\r\n"
	"Cache-Control: max-age=0\r\n"
	"sec-ch-ua: \"Chromium\";v=\"128\", \"Not;A=Brand\";v=\"24\"\r\n"
	"sec-ch-ua-mobile: ?0\r\n"
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
	"Chrome/128.0.0.0\r\n"
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n"
	"Sec-Fetch-Site: same-origin\r\n"
	"Sec-Fetch-Mode: navigate\r\n"
	"Accept-Encoding: gzip, deflate, br\r\n"
	"Accept-Language: en-GB,en;q=0.9\r\n"
	"Cookie: session=5f3c1e; theme=dark\r\n\r\n";

static const char express_answer[] = "HTTP/1.1 200 OK\r\n"
				     "X-Powered-By: Express\r\n"
				     "Content-Type: application/json; charset=utf-8\r\n"
				     "Content-Length: 27\r\n"
				     "ETag: W/\"1b-pQ8fZ1p7cZ9hVJ5yq4o3m8mJt2E\"\r\n"
				     "Date: Tue, 04 Nov 2025 10:00:00 GMT\r\n"
				     "Connection: keep-alive\r\n"
				     "Keep-Alive: timeout=5\r\n\r\n";

struct bench {
	struct slice input;
	struct routes *routes;
	char (*targets)[TARGET_MAX];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/// Makes the compiler believe that the value is used.
static void use(uint64_t value)
{
	__asm__ volatile("" : : "r"(value) : "memory");
}

static void decode_request(struct bench *bench)
{
	struct http1_request request;

	for (int i = 0; i < CALLS; i++)
		use(http1_request_decode(bench->input.data, bench->input.len, &request) + request.head_len);
}

static void decode_response(struct bench *bench)
{
	struct http1_response response;

	for (int i = 0; i < CALLS; i++)
		use(http1_response_decode(bench->input.data, bench->input.len, (struct slice){"GET", 3},
					  &response) +
		    response.head_len);
}

static void find_one_target(struct bench *bench)
{
	for (int i = 0; i < CALLS; i++)
		use(routes_find(bench->routes, bench->input, 200));
}

static void find_a_hundred_targets(struct bench *bench)
{
	for (int i = 0; i < CALLS; i++) {
		const char *target = bench->targets[i % 100];
		use(routes_find(bench->routes, (struct slice){target, strlen(target)}, 200));
	}
}

static void find_ever_new_targets(struct bench *bench)
{
	for (int i = 0; i < CALLS; i++) {
		const char *target = bench->targets[i % TARGETS];
		use(routes_find(bench->routes, (struct slice){target, strlen(target)}, 200));
	}
}

static void name_method(struct bench *bench)
{
	for (int i = 0; i < CALLS; i++)
		use((uint64_t)http1_method_name(bench->input));
}

static void measure(const char *what, void (*run)(struct bench *bench), struct bench *bench)
{
	uint64_t best_ns = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start_ns = now_ns();
		run(bench);
		uint64_t duration_ns = now_ns() - start_ns;
		if (duration_ns < best_ns)
			best_ns = duration_ns;
	}
	printf("%-42s %4zu bytes %7.1f ns\n", what, bench->input.len, (double)best_ns / CALLS);
}

static struct slice text(const char *string)
{
	return (struct slice){string, strlen(string)};
}

int main(void)
{
	struct routes *routes = routes_new(NULL, 0, 200);
	char(*targets)[TARGET_MAX] = calloc(TARGETS, sizeof(*targets));

	if (!routes || !targets)
		return 1;
	for (int i = 0; i < TARGETS; i++)
		snprintf(targets[i], TARGET_MAX, "/api/v1/users/%d/orders/%08x-7a5b-4c3d-9e1f-001122334455",
			 i, i);
	struct bench bench = {text(wrk_get), routes, targets};
	measure("request head, wrk", decode_request, &bench);
	bench.input = text(browser_get);
	measure("request head, browser", decode_request, &bench);
	bench.input = text(express_answer);
	measure("answer head, Express", decode_response, &bench);
	bench.input = text("GET");
	measure("method name, first of the table", name_method, &bench);
	bench.input = text("PURGE");
	measure("method name, none", name_method, &bench);
	bench.input = text("/api/v1/users/5/orders?page=2");
	measure("route, the same target", find_one_target, &bench);
	bench.input = text(targets[0]);
	measure("route, a hundred targets in turn", find_a_hundred_targets, &bench);
	measure("route, targets never seen", find_ever_new_targets, &bench);
	routes_free(routes);
	free(targets);
	return 0;
}
