// SPDX-License-Identifier: Apache-2.0
// Which targets share a route, what it is called, and that strangers cannot make more of them than the limit.
#include "routes.h"
#include "guarded.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static unsigned find(struct routes *routes, const char *target, uint16_t status)
{
	struct slice slice = {guarded(target, strlen(target)), strlen(target)};

	return routes_find(routes, slice, status);
}

static const char *name_of(struct routes *routes, const char *target, uint16_t status)
{
	return routes_name(routes, find(routes, target, status));
}

struct named {
	const char *target;
	const char *name;
};

/// Asks twice: the second answer comes from the cache.
static void assert_names(const struct named *cases, size_t count)
{
	struct routes *routes = routes_new(NULL, 0, 1000);

	assert_non_null(routes);
	for (size_t i = 0; i < 2 * count; i++)
		assert_string_equal(name_of(routes, cases[i % count].target, 200), cases[i % count].name);
	routes_free(routes);
}

static void a_path_is_cut_decoded_once_and_collapsed(void **state)
{
	static const struct named cases[] = {
		{"/", "/"},
		{"", "/"},
		{"//", "/"},
		{"/?a=/b", "/"},
		{"?a=b", "/"},
		{"/users?page=2", "/users"},
		{"/users#top", "/users"},
		{"/users#top?not=query", "/users"},
		{"/users/", "/users"},
		{"//users///list//", "/users/list"},
		{"/users;jsessionid=1A2B/list;v=1?x=;y", "/users/list"},
		{"/;a=b/users", "/users"},
		{"/%75sers", "/users"},
		{"/%55SERS", "/USERS"},
		{"/users%2flist", "/{str}"},
		{"/users%3Flist", "/{str}"},
		{"/%2575sers", "/{str}"},
		{"/100%", "/{str}"},
		{"/%zz", "/{str}"},
		{"/%7", "/{str}"},
		{"/a%20b", "/{str}"},
		{"/a+b", "/{str}"},
		{"/a b", "/{str}"},
		{"users", "/users"},
	};

	(void)state;
	assert_names(cases, COUNT(cases));
}

static void every_form_of_target_has_a_route(void **state)
{
	static const struct named cases[] = {
		{"*", "*"},
		{"**", "/{str}"},
		{"http://example.com/users/5?x", "/users/{id}"},
		{"HTTPS://example.com:8443/users/5", "/users/{id}"},
		{"http://example.com", "/"},
		{"http://example.com?x=/y", "/"},
		{"http://", "/"},
		{"://example.com/users", "/{str}/example.com/users"},
		{"no scheme://example.com/x", "/{str}/example.com/x"},
		{"/http://example.com/x", "/{str}/example.com/x"},
		{"/login?next=http://example.com/", "/login"},
		{"example.com:443", "(authority)"},
		{"[::1]:443", "(authority)"},
		{":443", "/{str}"},
		{"443", "/{id}"},
		{"/a:443", "/{str}"},
	};

	(void)state;
	assert_names(cases, COUNT(cases));
}

static void values_become_placeholders(void **state)
{
	static const struct named cases[] = {
		{"/users/1", "/users/{id}"},
		{"/users/12345678901234567890123", "/users/{id}"},
		{"/users/5/orders/7", "/users/{id}/orders/{id}"},
		{"/o/550e8400-e29b-41d4-a716-446655440000", "/o/{uuid}"},
		{"/o/550E8400-E29B-41D4-A716-446655440000", "/o/{uuid}"},
		{"/o/550e8400-e29b-41d4-a716-44665544000g", "/o/{hash}"},
		{"/c/da39a3ee5e6b4b0d", "/c/{hash}"},
		{"/c/da39a3ee5e6b4b0d3255bfef95601890afd80709", "/c/{hash}"},
		{"/c/deadbeefdeadbeef", "/c/{hash}"},
		{"/c/507f1f77bcf86cd799439011", "/c/{hash}"},
		{"/c/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/c/{hash}"},
		{"/c/V1StGXR8_Z5jdHi6B-myT", "/c/{hash}"},
		{"/c/cjld2cjxh0000qzrmn831i7rn", "/c/{hash}"},
		{"/c/XqKwPzRtYbNmVcLh", "/c/{hash}"},
		{"/c/da39a3ee5e6b4b0", "/c/da39a3ee5e6b4b0"},
		{"/u/jo.do+spam@mail.example.com", "/u/{email}"},
		{"/u/jo%40example.com", "/u/{email}"},
		{"/u/jo@localhost", "/u/{str}"},
		{"/u/@example.com", "/u/{str}"},
		{"/u/a@b@example.com", "/u/{str}"},
		{"/u/jo@.example.com", "/u/{str}"},
		{"/d/2024-02-29", "/d/{date}"},
		{"/d/2024-02", "/d/{date}"},
		{"/d/2024-02-29T12:30:00Z", "/d/{date}"},
		{"/d/2024-02-29T1", "/d/2024-02-29T1"},
		{"/d/2024-0a", "/d/2024-0a"},
		{"/d/2024", "/d/{id}"},
		{"/s/forgot-password-confirmation", "/s/{str}"},
		{"/s/abcdefghijklmnopqrst", "/s/{str}"},
		{"/s/~alice", "/s/{str}"},
		{"/s/(other)", "/s/{str}"},
		{"/s/{id}", "/s/{str}"},
		{"/s/*", "/s/{str}"},
		{"/s/.", "/s/{str}"},
		{"/s/../../etc", "/s/{str}/{str}/etc"},
		{"/static/main.8f3a2b1c9d.chunk.js", "/static/{file}.js"},
		{"/static/Logo%20(final).PNG", "/static/{file}.png"},
		{"/favicon.ico", "/{file}.ico"},
		{"/f/font.woff2", "/f/{file}.woff2"},
	};

	(void)state;
	assert_names(cases, COUNT(cases));
}

static void names_that_programs_have_stay(void **state)
{
	static const struct named cases[] = {
		{"/v1", "/v1"},
		{"/api/v2.1/users", "/api/v2.1/users"},
		{"/en-US/docs", "/en-US/docs"},
		{"/zh-Hans-CN/docs", "/zh-Hans-CN/docs"},
		{"/pt_BR", "/pt_BR"},
		{"/-/healthy", "/-/healthy"},
		{"/.well-known/openid", "/.well-known/openid"},
		{"/robots.txt", "/robots.txt"},
		{"/users.json", "/users.json"},
		{"/.js", "/.js"},
		{"/change-password-ok", "/change-password-ok"},
		{"/CreateOrganization", "/CreateOrganization"},
		{"/abcdefghijklmnopqrs", "/abcdefghijklmnopqrs"},
		{"/%E7%94%A8%E6%88%B7/5", "/用户/{id}"},
		{"/用户用户用户用户用户用户用户用户用户用", "/用户用户用户用户用户用户用户用户用户用"},
		{"/用户用户用户用户用户用户用户用户用户用户", "/{str}"},
		{"/caf\xc3\xa9", "/caf\xc3\xa9"},
	};

	(void)state;
	assert_names(cases, COUNT(cases));
}

static void what_is_no_text_is_never_a_name(void **state)
{
	static const struct named cases[] = {
		{"/%00", "/{str}"},
		{"/a%0ab", "/{str}"},
		{"/a%7F", "/{str}"},
		{"/\x01", "/{str}"},
		{"/caf%E9", "/{str}"},
		{"/%C0%AF", "/{str}"},
		{"/%80", "/{str}"},
		{"/%C2%85", "/{str}"},
		{"/%C2%A0", "/\xc2\xa0"},
		{"/%E0%80%AF", "/{str}"},
		{"/%ED%A0%80", "/{str}"},
		{"/%F4%90%80%80", "/{str}"},
		{"/%F0%9F%98%80", "/\xf0\x9f\x98\x80"},
		{"/%F0%8F%98%80", "/{str}"},
		{"/%F5%80%80%80", "/{str}"},
		{"/%E7%94", "/{str}"},
		{"/%E7%94.js", "/{str}"},
		{"/%FF%FE", "/{str}"},
	};

	(void)state;
	assert_names(cases, COUNT(cases));
}

static void what_is_deep_or_long_ends_in_a_star(void **state)
{
	char wide[8 * 80] = "", deep[4096] = "";
	struct routes *routes = routes_new(NULL, 0, 10);

	(void)state;
	assert_string_equal(name_of(routes, "/a/b/c/d/e/f/g/h/", 200), "/a/b/c/d/e/f/g/h");
	assert_string_equal(name_of(routes, "/a/b/c/d/e/f/g/h/i", 200), "/a/b/c/d/e/f/g/h/*");
	assert_string_equal(name_of(routes, "/a/b/c/d/e/f/g/h/i/j?k", 200), "/a/b/c/d/e/f/g/h/*");
	for (int i = 0; i < 8; i++)
		strcat(wide, "/用用用用用用用用用用用用用用用用用用用");
	assert_string_equal(name_of(routes, wide, 200), "/用用用用用用用用用用用用用用用用用用用"
							"/用用用用用用用用用用用用用用用用用用用"
							"/用用用用用用用用用用用用用用用用用用用"
							"/用用用用用用用用用用用用用用用用用用用/*");
	for (size_t i = 0; i < sizeof(deep) - 1; i++)
		deep[i] = i % 2 ? 'x' : '/';
	assert_string_equal(name_of(routes, deep, 200), "/x/x/x/x/x/x/x/x/*");
	memset(deep + 1, 'x', sizeof(deep) - 2);
	assert_string_equal(name_of(routes, deep, 200), "/{str}");
	memset(deep + 1, '7', sizeof(deep) - 2);
	assert_string_equal(name_of(routes, deep, 200), "/{id}");
	memcpy(deep, "/%77", 4);
	assert_string_equal(name_of(routes, deep, 200), "/{hash}");
	routes_free(routes);
}

static void configured_templates_are_tried_first_and_in_order(void **state)
{
	static const char *const templates[] = {
		"/users/me",          "/users/:name",  "/files/*",       "/reports/{year}.pdf",
		"/teams/{team}/*/x/", "/cafés/{name}", "/users/{later}", "/users/me",
	};
	struct routes *routes = routes_new(templates, COUNT(templates), 20);

	(void)state;
	assert_string_equal(name_of(routes, "/users/me", 200), "/users/me");
	assert_string_equal(name_of(routes, "/users/%6de/", 200), "/users/me");
	assert_string_equal(name_of(routes, "/users/5?x", 200), "/users/:name");
	assert_string_equal(name_of(routes, "/users/alice", 200), "/users/:name");
	assert_string_equal(name_of(routes, "/users", 200), "/users");
	assert_string_equal(name_of(routes, "/users/alice/x", 200), "/users/alice/x");
	assert_string_equal(name_of(routes, "/Users/5", 200), "/Users/{id}");
	assert_string_equal(name_of(routes, "/files", 200), "/files");
	assert_string_equal(name_of(routes, "/files/a", 200), "/files/*");
	assert_string_equal(name_of(routes, "/files/a/b/c/d/e/f/g/h/i/j", 200), "/files/*");
	assert_string_equal(name_of(routes, "/reports/2024.pdf", 200), "/reports/{year}.pdf");
	assert_string_equal(name_of(routes, "/reports/.pdf", 200), "/reports/.pdf");
	assert_string_equal(name_of(routes, "/teams/red/7/x", 200), "/teams/{team}/*/x/");
	assert_string_equal(name_of(routes, "/caf%C3%A9s/flore", 200), "/cafés/{name}");
	routes_free(routes);
}

static void templates_that_no_path_can_match_are_left_out(void **state)
{
	char long_template[300] = "/";
	const char *const templates[] = {"users", "", "/1/2/3/4/5/6/7/8/9", long_template,
					 "/1/2/3/4/5/6/7/8/*"};
	struct routes *routes;

	(void)state;
	memset(long_template + 1, 'x', 280);
	routes = routes_new(templates, COUNT(templates), 2);
	assert_string_equal(name_of(routes, "/users", 200), "/users");
	assert_string_equal(name_of(routes, "/1/2/3/4/5/6/7/8/9", 200), "/1/2/3/4/5/6/7/8/*");
	assert_string_equal(name_of(routes, "/1/2/3/4/5/6/7/8", 200), "(other)");
	routes_free(routes);
}

static void what_was_never_found_is_unmatched(void **state)
{
	static const char *const templates[] = {"/configured/{x}"};
	struct routes *routes = routes_new(templates, 1, 10);

	(void)state;
	assert_int_equal(find(routes, "/wp-login.php", 404), ROUTE_UNMATCHED);
	assert_int_equal(find(routes, "/wp-login.php", 405), ROUTE_UNMATCHED);
	assert_int_equal(find(routes, "*", 405), ROUTE_UNMATCHED);
	assert_string_equal(routes_name(routes, ROUTE_UNMATCHED), "(unmatched)");
	assert_string_equal(name_of(routes, "/configured/5", 404), "/configured/{x}");
	assert_int_equal(find(routes, "/users/1", 404), ROUTE_UNMATCHED);
	assert_int_equal(find(routes, "/users/2", 404), ROUTE_UNMATCHED);
	assert_string_equal(name_of(routes, "/users/1", 200), "/users/{id}");
	assert_string_equal(name_of(routes, "/users/1", 404), "/users/{id}");
	assert_string_equal(name_of(routes, "/users/2", 404), "/users/{id}");
	assert_string_equal(name_of(routes, "/users/3", 405), "/users/{id}");
	assert_string_equal(name_of(routes, "/aborted", EXCHANGE_ABORTED), "/aborted");
	assert_int_equal(routes_overflow(routes), 0);
	routes_free(routes);
}

static void not_found_takes_no_place(void **state)
{
	struct routes *routes = routes_new(NULL, 0, 1);
	char target[32];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(target, sizeof(target), "/scan-%d", i);
		assert_int_equal(find(routes, target, 404), ROUTE_UNMATCHED);
	}
	assert_string_equal(name_of(routes, "/scan-77", 200), "/scan-77");
	assert_int_equal(routes_overflow(routes), 0);
	routes_free(routes);
}

static void beyond_the_limit_is_other_and_counted(void **state)
{
	struct routes *routes = routes_new(NULL, 0, 3);

	(void)state;
	for (int round = 0; round < 3; round++) {
		assert_string_equal(name_of(routes, "/a", 200), "/a");
		assert_string_equal(name_of(routes, "/b", 200), "/b");
		assert_string_equal(name_of(routes, "/c/1", 200), "/c/{id}");
		assert_string_equal(name_of(routes, "/c/2", 200), "/c/{id}");
		assert_int_equal(find(routes, "/d", 200), ROUTE_OTHER);
		assert_int_equal(find(routes, "/e", 500), ROUTE_OTHER);
		assert_int_equal(find(routes, "/d", 404), ROUTE_UNMATCHED);
		assert_int_equal(routes_overflow(routes), 2 * (round + 1));
	}
	assert_string_equal(routes_name(routes, ROUTE_OTHER), "(other)");
	routes_free(routes);
}

static void a_limit_of_zero_leaves_the_two_fixed_routes(void **state)
{
	static const char *const templates[] = {"/users/{id}"};
	struct routes *routes = routes_new(templates, 1, 0);

	(void)state;
	assert_int_equal(find(routes, "/users/5", 200), ROUTE_OTHER);
	assert_int_equal(find(routes, "/users/5", 404), ROUTE_UNMATCHED);
	assert_int_equal(routes_overflow(routes), 1);
	routes_free(routes);
}

static void a_route_keeps_its_number_among_many(void **state)
{
	enum { LIMIT = 5000 };
	struct routes *routes = routes_new(NULL, 0, LIMIT);
	bool seen[LIMIT + 2] = {0};
	char target[32];

	(void)state;
	for (int i = 0; i < 3 * LIMIT; i++) {
		snprintf(target, sizeof(target), "/route-%d/x", i % LIMIT);
		unsigned route = find(routes, target, 200);
		assert_in_range(route, 2, LIMIT + 1);
		assert_true(seen[route] == (i >= LIMIT));
		seen[route] = true;
		assert_string_equal(routes_name(routes, route), target);
	}
	assert_int_equal(find(routes, "/one-more", 200), ROUTE_OTHER);
	routes_free(routes);
}

static void any_byte_may_follow_any_other(void **state)
{
	struct routes *routes = routes_new(NULL, 0, 1u << 31);
	char target[3];

	(void)state;
	for (int first = 0; first < 256; first++) {
		for (int second = 0; second < 256; second++) {
			memcpy(target, (char[]){'/', (char)first, (char)second}, 3);
			struct slice slice = {guarded(target, 3), 3};
			unsigned route = routes_find(routes, slice, 200);
			assert_true(route != ROUTE_UNMATCHED && route != ROUTE_OTHER);
			assert_int_equal(routes_find(routes, slice, 404), route);
		}
	}
	routes_free(routes);
}

static void freeing_nothing_is_allowed(void **state)
{
	(void)state;
	routes_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_cut_decoded_once_and_collapsed),
		cmocka_unit_test(every_form_of_target_has_a_route),
		cmocka_unit_test(values_become_placeholders),
		cmocka_unit_test(names_that_programs_have_stay),
		cmocka_unit_test(what_is_no_text_is_never_a_name),
		cmocka_unit_test(what_is_deep_or_long_ends_in_a_star),
		cmocka_unit_test(configured_templates_are_tried_first_and_in_order),
		cmocka_unit_test(templates_that_no_path_can_match_are_left_out),
		cmocka_unit_test(what_was_never_found_is_unmatched),
		cmocka_unit_test(not_found_takes_no_place),
		cmocka_unit_test(beyond_the_limit_is_other_and_counted),
		cmocka_unit_test(a_limit_of_zero_leaves_the_two_fixed_routes),
		cmocka_unit_test(a_route_keeps_its_number_among_many),
		cmocka_unit_test(any_byte_may_follow_any_other),
		cmocka_unit_test(freeing_nothing_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
