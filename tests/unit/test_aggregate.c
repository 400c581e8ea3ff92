// SPDX-License-Identifier: Apache-2.0
// What exchanges add up to: buckets, statuses, phases, the last seconds; and where it ends when there are too
// many.
#include "aggregate.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A row, its histogram's sum and count included, brings this many lines (aggregate.c). */
#define HISTOGRAM_LINES (DURATION_BOUNDS_LEN + 3)

struct shop {
	struct aggregate aggregate;
	struct service service;
};

static int open_shop(void **state)
{
	struct shop *shop = calloc(1, sizeof(*shop));

	shop->aggregate = (struct aggregate){.series_limit = 10000, .routes_per_service = 100, .now_s = 1000};
	strcpy(shop->service.name, "shop");
	*state = shop;
	return 0;
}

static int close_shop(void **state)
{
	struct shop *shop = *state;

	service_stats_free(shop->service.stats);
	free(shop);
	return 0;
}

static struct slice slice_of(const char *text)
{
	return (struct slice){text, strlen(text)};
}

/* All of an exchange's time goes to the application. */
static void serve(struct shop *shop, const char *method, const char *target, uint16_t status,
		  uint64_t duration_ns)
{
	const struct exchange exchange = {
		.duration_ns = duration_ns,
		.first_byte_ns = status >= 100 ? duration_ns / 2 : 0,
		.phase_ns[PHASE_APP] = duration_ns,
		.request_bytes = 100,
		.response_bytes = 1000,
		.status = status,
		.method = slice_of(method),
		.target = slice_of(target),
	};

	aggregate_on_exchange(&shop->aggregate, &shop->service, &exchange);
}

/* The row of a method and a path, or NULL. */
static const struct route_method *row_of(const struct shop *shop, const char *method, const char *path)
{
	const struct service_stats *stats = shop->service.stats;

	for (uint32_t i = 0; i < stats->table_capacity; i++)
		if (stats->table[i].used && !strcmp(stats->table[i].method, method) &&
		    !strcmp(routes_name(stats->routes, stats->table[i].route), path))
			return &stats->table[i];
	return NULL;
}

static uint64_t count_of(const struct shop *shop, const char *method, const char *path, uint16_t status)
{
	const struct route_method *row = row_of(shop, method, path);

	for (uint16_t i = 0; row && i < row->statuses_len; i++)
		if (row->statuses[i].status == status)
			return row->statuses[i].count;
	return 0;
}

/* What http_requests_total adds up to, and the counts of all histograms. */
static void assert_totals(const struct shop *shop, uint64_t statuses, uint64_t durations)
{
	const struct service_stats *stats = shop->service.stats;

	for (uint32_t i = 0; i < stats->table_capacity; i++) {
		for (uint16_t j = 0; stats->table[i].used && j < stats->table[i].statuses_len; j++)
			statuses -= stats->table[i].statuses[j].count;
		for (unsigned j = 0; stats->table[i].used && j <= DURATION_BOUNDS_LEN; j++)
			durations -= stats->table[i].duration.counts[j];
	}
	assert_int_equal(statuses, 0);
	assert_int_equal(durations, 0);
}

static void a_service_that_is_over_gives_its_series_back(void **state)
{
	struct shop *shop = *state;
	struct service other = {.name = "other"};
	uint64_t before;

	serve(shop, "GET", "/", 200, 1000);
	before = shop->aggregate.series;
	for (unsigned round = 0; round < 3; round++) {
		aggregate_on_exchange(&shop->aggregate, &other,
				      &(struct exchange){.status = 500,
							 .phase_ns[PHASE_APP] = 1,
							 .method = slice_of("POST"),
							 .target = slice_of(round ? "/orders" : "/items/7")});
		assert_true(shop->aggregate.series > before);
	}
	aggregate_on_over(&shop->aggregate, &other);
	assert_int_equal(shop->aggregate.series, before);
	assert_null(other.stats);
	aggregate_on_over(&shop->aggregate, &other); /* without requests there is nothing to give */
	assert_int_equal(shop->aggregate.series, before);
}

static void a_duration_equal_to_a_bound_is_below_it(void **state)
{
	static const uint64_t bounds_ns[DURATION_BOUNDS_LEN] = {
		500000,    1000000,   2500000,   5000000,    10000000,   25000000,   50000000,
		100000000, 250000000, 500000000, 1000000000, 2500000000, 5000000000, 10000000000};
	struct shop *shop = *state;

	for (unsigned i = 0; i < DURATION_BOUNDS_LEN; i++) {
		const struct histogram *histogram;
		char path[20];

		snprintf(path, sizeof(path), "/%c", 'a' + i);
		serve(shop, "GET", path, 200, bounds_ns[i]);
		serve(shop, "GET", path, 200, bounds_ns[i] + 1);
		histogram = &row_of(shop, "GET", path)->duration;
		assert_int_equal(histogram->counts[i], 1);
		assert_int_equal(histogram->counts[i + 1], 1);
		assert_int_equal(histogram->sum_ns, 2 * bounds_ns[i] + 1);
	}
}

static void the_outermost_buckets_take_the_rest(void **state)
{
	struct shop *shop = *state;
	const struct histogram *histogram;

	serve(shop, "GET", "/", 200, 0);
	serve(shop, "GET", "/", 200, 3600000000000);
	histogram = &row_of(shop, "GET", "/")->duration;
	assert_int_equal(histogram->counts[0], 1);
	assert_int_equal(histogram->counts[DURATION_BOUNDS_LEN], 1);
}

static void statuses_are_counted_by_method_and_route(void **state)
{
	struct shop *shop = *state;

	for (unsigned i = 0; i < 3; i++)
		serve(shop, "GET", "/orders?page=2", 200, 1000000);
	serve(shop, "GET", "/orders", 500, 1000000);
	serve(shop, "POST", "/orders", 201, 1000000);
	serve(shop, "GET", "/carts", EXCHANGE_ABORTED, 1000000);
	serve(shop, "GET", "/carts", EXCHANGE_NONE, 1000000);
	serve(shop, "BREW", "/coffee", 418, 1000000);
	assert_int_equal(count_of(shop, "GET", "/orders", 200), 3);
	assert_int_equal(count_of(shop, "GET", "/orders", 500), 1);
	assert_int_equal(count_of(shop, "POST", "/orders", 201), 1);
	assert_int_equal(count_of(shop, "GET", "/carts", EXCHANGE_ABORTED), 1);
	assert_int_equal(count_of(shop, "GET", "/carts", EXCHANGE_NONE), 1);
	assert_int_equal(count_of(shop, "_OTHER", "/coffee", 418), 1);
	assert_totals(shop, 8, 8);
	assert_int_equal(shop->service.stats->requests, 8);
	assert_int_equal(shop->service.stats->duration_ns, 8000000);
	assert_int_equal(shop->service.stats->request_bytes, 800);
	assert_int_equal(shop->service.stats->response_bytes, 8000);
	assert_int_equal(shop->service.stats->overflow, 0);
}

static void errors_and_failures_are_what_the_contract_says(void **state)
{
	static const struct {
		uint16_t status;
		bool error, failure;
	} cases[] = {{100, 0, 0},
		     {101, 0, 0},
		     {200, 0, 0},
		     {304, 0, 0},
		     {399, 0, 0},
		     {400, 1, 0},
		     {404, 1, 0},
		     {499, 1, 0},
		     {500, 1, 1},
		     {599, 1, 1},
		     {EXCHANGE_ABORTED, 1, 1},
		     {EXCHANGE_NONE, 1, 1}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(status_is_error(cases[i].status), cases[i].error);
		assert_int_equal(status_is_failure(cases[i].status), cases[i].failure);
	}
}

static void the_first_byte_counts_where_there_was_one(void **state)
{
	struct shop *shop = *state;
	uint64_t count = 0;

	serve(shop, "GET", "/", 200, 8000000);
	serve(shop, "GET", "/", EXCHANGE_ABORTED, 8000000);
	for (unsigned i = 0; i <= DURATION_BOUNDS_LEN; i++)
		count += shop->service.stats->first_byte.counts[i];
	assert_int_equal(count, 1);
	assert_int_equal(shop->service.stats->first_byte.sum_ns, 4000000);
}

static void phases_add_up_by_route(void **state)
{
	struct shop *shop = *state;
	const struct exchange exchange = {
		.duration_ns = 21,
		.phase_ns = {1, 2, 3, 4, 5, 6},
		.status = 200,
		.method = slice_of("GET"),
		.target = slice_of("/phases"),
	};
	unsigned route;

	/* Many routes first, so that the table of phases has to grow. */
	for (unsigned i = 0; i < 60; i++) {
		char path[20];

		snprintf(path, sizeof(path), "/%c%c", 'a' + i / 10, 'a' + i % 10);
		serve(shop, "GET", path, 200, 1000 + i);
	}
	aggregate_on_exchange(&shop->aggregate, &shop->service, &exchange);
	aggregate_on_exchange(&shop->aggregate, &shop->service, &exchange);
	route = row_of(shop, "GET", "/phases")->route;
	for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
		assert_int_equal(shop->service.stats->phases[route][phase], 2 * (phase + 1));
	route = row_of(shop, "GET", "/fj")->route;
	assert_int_equal(shop->service.stats->phases[route][PHASE_APP], 1059);
	assert_int_equal(shop->service.stats->phases[route][PHASE_ON_CPU], 0);
}

static void rows_are_found_again_after_the_table_grew(void **state)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
	struct shop *shop = *state;

	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 90; i++) {
			char path[20];

			snprintf(path, sizeof(path), "/%c%c", 'a' + i / 10, 'a' + i % 10);
			serve(shop, methods[i % COUNT(methods)], path, 200, 1000000);
			assert_int_equal(count_of(shop, methods[i % COUNT(methods)], path, 200), round + 1);
		}
	assert_int_equal(shop->service.stats->table_len, 90);
	assert_totals(shop, 270, 270);
}

static void routes_beyond_the_limit_share_one(void **state)
{
	struct shop *shop = *state;

	shop->aggregate.routes_per_service = 3;
	for (unsigned i = 0; i < 20; i++) {
		char path[20];

		snprintf(path, sizeof(path), "/%c", 'a' + i);
		serve(shop, "GET", path, 200, 1000000);
	}
	assert_int_equal(shop->service.stats->table_len, 4);
	assert_int_equal(count_of(shop, "GET", "(other)", 200), 17);
	assert_totals(shop, 20, 20);
}

static void lines_are_counted_as_they_appear(void **state)
{
	struct shop *shop = *state;
	uint64_t before;

	serve(shop, "GET", "/a", 200, 1000000);
	before = shop->aggregate.series;
	serve(shop, "GET", "/a", 200, 1000000);
	assert_int_equal(shop->aggregate.series, before);
	serve(shop, "GET", "/a", 201, 1000000);
	assert_int_equal(shop->aggregate.series, before + 1);
	serve(shop, "GET", "/a", 404, 1000000); /* an error has a line in two families */
	assert_int_equal(shop->aggregate.series, before + 3);
	serve(shop, "POST", "/a", 200, 1000000);
	assert_int_equal(shop->aggregate.series, before + 3 + HISTOGRAM_LINES + 1);
	serve(shop, "GET", "/b", 200, 1000000); /* and a phase */
	assert_int_equal(shop->aggregate.series, before + 3 + 2 * (HISTOGRAM_LINES + 1) + 1);
}

static void serve_known(struct shop *shop)
{
	for (unsigned i = 0; i < 8; i++) {
		char path[20];

		snprintf(path, sizeof(path), "/known/%c", 'a' + i);
		serve(shop, "GET", path, 200, 1000000);
	}
}

/* Asks for twenty routes that are not known yet, with two methods. */
static void serve_unknown(struct shop *shop)
{
	for (unsigned i = 0; i < 20; i++) {
		char path[20];

		snprintf(path, sizeof(path), "/%c", 'a' + i);
		serve(shop, i % 2 ? "POST" : "GET", path, 200, 1000000);
	}
	assert_int_equal(shop->service.stats->overflow, 20);
}

static void near_the_series_limit_new_routes_go_to_other(void **state)
{
	struct shop *shop = *state;

	serve_known(shop);
	shop->aggregate.series_limit =
		(unsigned)shop->aggregate.series + 2 * (HISTOGRAM_LINES + PHASE_COUNT + 2);
	serve_unknown(shop);
	serve_known(shop);
	assert_int_equal(count_of(shop, "GET", "/known/c", 200), 2);
	assert_int_equal(count_of(shop, "GET", "(other)", 200), 10);
	assert_int_equal(count_of(shop, "POST", "(other)", 200), 10);
	assert_true(shop->aggregate.series <= shop->aggregate.series_limit);
	assert_totals(shop, 36, 36);
}

static void at_the_series_limit_all_that_is_new_shares_one_row(void **state)
{
	struct shop *shop = *state;

	serve_known(shop);
	shop->aggregate.series_limit = (unsigned)shop->aggregate.series;
	serve_unknown(shop);
	serve_known(shop);
	assert_int_equal(count_of(shop, "GET", "/known/c", 200), 2);
	assert_int_equal(count_of(shop, "_OTHER", "(other)", 200), 20);
	assert_int_equal(shop->service.stats->table_len, 9);
	assert_totals(shop, 36, 36);
}

static void a_greedy_service_leaves_the_others_their_first_routes(void **state)
{
	struct shop *shop = *state;
	struct service greedy = {.name = "greedy"};
	struct shop others = {.aggregate = shop->aggregate, .service = greedy};

	others.aggregate.series_limit = 1500;
	for (unsigned i = 0; i < 1000; i++) {
		char path[20];

		snprintf(path, sizeof(path), "/%c%c", 'a' + i % 26, 'a' + i / 26 % 26);
		serve(&others, i % 2 ? "POST" : "GET", path, 200, 1000000);
	}
	assert_true(others.service.stats->overflow > 0);
	shop->aggregate = others.aggregate;
	serve_known(shop);
	assert_int_equal(count_of(shop, "GET", "/known/h", 200), 1);
	assert_true(shop->aggregate.series <= shop->aggregate.series_limit);
	service_stats_free(others.service.stats);
}

static void a_limit_that_is_raised_again_lets_new_routes_in(void **state)
{
	struct shop *shop = *state;

	shop->aggregate.series_limit = 0;
	serve(shop, "GET", "/a", 200, 1000000);
	shop->aggregate.series_limit = 1000;
	serve(shop, "GET", "/a", 200, 1000000);
	assert_int_equal(count_of(shop, "_OTHER", "(other)", 200), 1);
	assert_int_equal(count_of(shop, "GET", "/a", 200), 1);
}

static void statuses_beyond_the_limit_are_counted_as_overflow(void **state)
{
	struct shop *shop = *state;
	const struct route_method *row;

	for (uint16_t status = 100; status < 1000; status++)
		serve(shop, "GET", "/made-up", status, 1000000);
	row = row_of(shop, "GET", "/made-up");
	assert_true(row->statuses_len < 100);
	assert_int_equal(shop->service.stats->overflow, 900 - row->statuses_len);
	serve(shop, "GET", "/made-up", 100, 1000000);
	assert_int_equal(count_of(shop, "GET", "/made-up", 100), 2);
	assert_int_equal(shop->service.stats->requests, 901);
}

static struct second recent(const struct shop *shop, uint64_t now_s, unsigned seconds)
{
	return service_stats_recent(shop->service.stats, now_s, seconds);
}

static void the_running_second_is_not_over(void **state)
{
	struct shop *shop = *state;

	serve(shop, "GET", "/", 500, 1000000);
	assert_int_equal(recent(shop, 1000, 15).requests, 0);
	assert_int_equal(recent(shop, 1001, 15).requests, 1);
	assert_int_equal(recent(shop, 1001, 15).failures, 1);
}

static void each_second_leaves_the_window_after_its_time(void **state)
{
	struct shop *shop = *state;

	for (shop->aggregate.now_s = 1000; shop->aggregate.now_s < 1200; shop->aggregate.now_s++)
		for (unsigned i = 0; i < shop->aggregate.now_s % 7; i++)
			serve(shop, "GET", "/", i == 3 ? 503 : 200, 1000000);
	for (unsigned window = 1; window <= SECONDS_KEPT - 2; window++)
		for (unsigned late = 0; late < 100; late++) {
			struct second sum = recent(shop, 1200 + late, window), expected = {0};

			for (uint64_t second = 1200 + late - window; second < 1200; second++) {
				expected.requests += second % 7;
				expected.failures += second % 7 > 3;
			}
			assert_int_equal(sum.requests, expected.requests);
			assert_int_equal(sum.failures, expected.failures);
		}
}

static void seconds_without_requests_are_empty(void **state)
{
	static const unsigned gaps[] = {2, 30, SECONDS_KEPT - 1, SECONDS_KEPT, SECONDS_KEPT + 1, 1000};
	struct shop *shop = *state;

	for (size_t i = 0; i < COUNT(gaps); i++) {
		serve(shop, "GET", "/", 200, 1000000);
		shop->aggregate.now_s += gaps[i];
		serve(shop, "GET", "/", 200, 1000000);
		assert_int_equal(recent(shop, shop->aggregate.now_s, 60).requests, gaps[i] <= 60);
		assert_int_equal(recent(shop, shop->aggregate.now_s + 1, 60).requests, 1 + (gaps[i] < 60));
		assert_int_equal(recent(shop, shop->aggregate.now_s + 1, 1).requests, 1);
		shop->aggregate.now_s += 5000;
	}
}

static void the_first_minute_after_a_boot_counts(void **state)
{
	struct shop *shop = *state;

	shop->aggregate.now_s = 8;
	serve(shop, "GET", "/", 500, 1000000);
	assert_int_equal(recent(shop, 10, 2).requests, 1);
	assert_int_equal(recent(shop, 10, 60).requests, 1);
	assert_int_equal(recent(shop, 10, 60).failures, 1);
}

#define SHOP_TEST(test) cmocka_unit_test_setup_teardown(test, open_shop, close_shop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHOP_TEST(a_service_that_is_over_gives_its_series_back),
		SHOP_TEST(a_duration_equal_to_a_bound_is_below_it),
		SHOP_TEST(the_outermost_buckets_take_the_rest),
		SHOP_TEST(statuses_are_counted_by_method_and_route),
		SHOP_TEST(errors_and_failures_are_what_the_contract_says),
		SHOP_TEST(the_first_byte_counts_where_there_was_one),
		SHOP_TEST(phases_add_up_by_route),
		SHOP_TEST(rows_are_found_again_after_the_table_grew),
		SHOP_TEST(routes_beyond_the_limit_share_one),
		SHOP_TEST(lines_are_counted_as_they_appear),
		SHOP_TEST(near_the_series_limit_new_routes_go_to_other),
		SHOP_TEST(at_the_series_limit_all_that_is_new_shares_one_row),
		SHOP_TEST(a_greedy_service_leaves_the_others_their_first_routes),
		SHOP_TEST(a_limit_that_is_raised_again_lets_new_routes_in),
		SHOP_TEST(statuses_beyond_the_limit_are_counted_as_overflow),
		SHOP_TEST(the_running_second_is_not_over),
		SHOP_TEST(each_second_leaves_the_window_after_its_time),
		SHOP_TEST(seconds_without_requests_are_empty),
		SHOP_TEST(the_first_minute_after_a_boot_counts),
	};

	return cmocka_run_group_tests_name("aggregate", tests, NULL, NULL);
}
