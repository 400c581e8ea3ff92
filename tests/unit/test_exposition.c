// SPDX-License-Identifier: Apache-2.0
// The two text formats byte for byte: families, names, escaping, and what promtool thinks of it.
#include "exposition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

struct page {
	struct exposition exposition;
	struct buffer text;
};

static void page_open(struct page *page, enum exposition_format format)
{
	*page = (struct page){.exposition = {.out = &page->text, .format = format}};
}

/// The page's text, terminated. Valid until it is written to.
static const char *page_text(struct page *page)
{
	buffer_bytes(&page->text, "", 1);
	page->text.len--;
	assert_true(buffer_ok(&page->text));
	return page->text.data;
}

static void page_is(struct page *page, const char *expected)
{
	assert_string_equal(page_text(page), expected);
	buffer_free(&page->text);
}

// --- families ---

static void write_counter_and_gauge(struct page *page)
{
	const struct label labels[] = {{"service", "shop"}, {"container", ""}};

	exposition_family(&page->exposition, "http_requests_total", METRIC_COUNTER, "Requests.");
	exposition_value(&page->exposition, labels, 2, 3);
	exposition_family(&page->exposition, "service_up", METRIC_GAUGE, NULL);
	exposition_value(&page->exposition, labels, 1, 1);
	exposition_value(&page->exposition, NULL, 0, 0.25);
	exposition_end(&page->exposition);
}

static void counters_and_gauges_in_text(void **state)
{
	struct page page;

	(void)state;
	page_open(&page, EXPOSITION_TEXT);
	write_counter_and_gauge(&page);
	assert_int_equal(page.exposition.series, 3);
	page_is(&page, "# HELP http_requests_total Requests.\n"
		       "# TYPE http_requests_total counter\n"
		       "http_requests_total{service=\"shop\",container=\"\"} 3\n"
		       "# TYPE service_up gauge\n"
		       "service_up{service=\"shop\"} 1\n"
		       "service_up 0.25\n");
}

static void counters_and_gauges_in_openmetrics(void **state)
{
	struct page page;

	(void)state;
	page_open(&page, EXPOSITION_OPENMETRICS);
	write_counter_and_gauge(&page);
	page_is(&page, "# HELP http_requests Requests.\n"
		       "# TYPE http_requests counter\n"
		       "http_requests_total{service=\"shop\",container=\"\"} 3\n"
		       "# TYPE service_up gauge\n"
		       "service_up{service=\"shop\"} 1\n"
		       "service_up 0.25\n"
		       "# EOF\n");
}

static void write_histogram(struct page *page)
{
	static const double bounds[] = {0.005, 1, 10};
	static const uint64_t counts[] = {1, 0, 2, 4};
	const struct label labels[] = {{"service", "shop"}};

	exposition_family(&page->exposition, "d_seconds", METRIC_HISTOGRAM, "Time.");
	exposition_histogram(&page->exposition, labels, 1, bounds, 3, counts, 61.5);
	exposition_histogram(&page->exposition, NULL, 0, bounds, 1, counts, 0);
	exposition_end(&page->exposition);
}

static void histograms_in_text(void **state)
{
	struct page page;

	(void)state;
	page_open(&page, EXPOSITION_TEXT);
	write_histogram(&page);
	assert_int_equal(page.exposition.series, 10);
	page_is(&page, "# HELP d_seconds Time.\n"
		       "# TYPE d_seconds histogram\n"
		       "d_seconds_bucket{service=\"shop\",le=\"0.005\"} 1\n"
		       "d_seconds_bucket{service=\"shop\",le=\"1\"} 1\n"
		       "d_seconds_bucket{service=\"shop\",le=\"10\"} 3\n"
		       "d_seconds_bucket{service=\"shop\",le=\"+Inf\"} 7\n"
		       "d_seconds_sum{service=\"shop\"} 61.5\n"
		       "d_seconds_count{service=\"shop\"} 7\n"
		       "d_seconds_bucket{le=\"0.005\"} 1\n"
		       "d_seconds_bucket{le=\"+Inf\"} 1\n"
		       "d_seconds_sum 0\n"
		       "d_seconds_count 1\n");
}

static void histograms_in_openmetrics(void **state)
{
	struct page page;

	(void)state;
	page_open(&page, EXPOSITION_OPENMETRICS);
	write_histogram(&page);
	page_is(&page, "# HELP d_seconds Time.\n"
		       "# TYPE d_seconds histogram\n"
		       "d_seconds_bucket{service=\"shop\",le=\"0.005\"} 1\n"
		       "d_seconds_bucket{service=\"shop\",le=\"1.0\"} 1\n"
		       "d_seconds_bucket{service=\"shop\",le=\"10.0\"} 3\n"
		       "d_seconds_bucket{service=\"shop\",le=\"+Inf\"} 7\n"
		       "d_seconds_sum{service=\"shop\"} 61.5\n"
		       "d_seconds_count{service=\"shop\"} 7\n"
		       "d_seconds_bucket{le=\"0.005\"} 1\n"
		       "d_seconds_bucket{le=\"+Inf\"} 1\n"
		       "d_seconds_sum 0\n"
		       "d_seconds_count 1\n"
		       "# EOF\n");
}

static void summaries_in_both_formats(void **state)
{
	static const double quantiles[] = {0.5, 1}, values[] = {NAN, 0.004};
	const struct label labels[] = {{"service", "shop"}};
	struct page page;

	(void)state;
	page_open(&page, EXPOSITION_TEXT);
	exposition_family(&page.exposition, "d", METRIC_SUMMARY, NULL);
	exposition_summary(&page.exposition, labels, 1, quantiles, values, 2, 4, 1.5);
	page_is(&page, "# TYPE d summary\n"
		       "d{service=\"shop\",quantile=\"0.5\"} NaN\n"
		       "d{service=\"shop\",quantile=\"1\"} 0.004\n"
		       "d_sum{service=\"shop\"} 1.5\n"
		       "d_count{service=\"shop\"} 4\n");
	page_open(&page, EXPOSITION_OPENMETRICS);
	exposition_family(&page.exposition, "d", METRIC_SUMMARY, NULL);
	exposition_summary(&page.exposition, NULL, 0, quantiles, values, 2, 4, 1.5);
	page_is(&page, "# TYPE d summary\n"
		       "d{quantile=\"0.5\"} NaN\n"
		       "d{quantile=\"1.0\"} 0.004\n"
		       "d_sum 1.5\n"
		       "d_count 4\n");
}

static void counts_have_all_64_bits(void **state)
{
	static const uint64_t counts[] = {UINT64_MAX};
	struct page page;

	(void)state;
	page_open(&page, EXPOSITION_TEXT);
	page.exposition.family = "m";
	exposition_histogram(&page.exposition, NULL, 0, NULL, 0, counts, 0);
	page_is(&page, "m_bucket{le=\"+Inf\"} 18446744073709551615\nm_sum 0\nm_count 18446744073709551615\n");
}

// --- names that OpenMetrics has rules about ---

static void a_counter_without_total_keeps_its_name(void **state)
{
	struct page page;

	(void)state;
	page_open(&page, EXPOSITION_OPENMETRICS);
	exposition_family(&page.exposition, "revenue", METRIC_COUNTER, "Money.");
	exposition_value(&page.exposition, NULL, 0, 9.5);
	exposition_family(&page.exposition, "_total", METRIC_COUNTER, NULL);
	page_is(&page, "# HELP revenue Money.\n# TYPE revenue unknown\nrevenue 9.5\n# TYPE _total unknown\n");
	page_open(&page, EXPOSITION_TEXT);
	exposition_family(&page.exposition, "revenue", METRIC_COUNTER, NULL);
	exposition_value(&page.exposition, NULL, 0, 9.5);
	page_is(&page, "# TYPE revenue counter\nrevenue 9.5\n");
}

static void a_gauge_may_end_in_total(void **state)
{
	struct page page;

	(void)state;
	for (enum exposition_format format = EXPOSITION_TEXT; format <= EXPOSITION_OPENMETRICS; format++) {
		page_open(&page, format);
		exposition_family(&page.exposition, "active_users_total", METRIC_GAUGE, NULL);
		exposition_value(&page.exposition, NULL, 0, 12);
		page_is(&page, "# TYPE active_users_total gauge\nactive_users_total 12\n");
	}
}

static void a_counter_beside_a_gauge_of_its_short_name_does_not_clash(void **state)
{
	struct page page;

	(void)state;
	page_open(&page, EXPOSITION_OPENMETRICS);
	exposition_family(&page.exposition, "alloc_bytes", METRIC_GAUGE, NULL);
	exposition_value(&page.exposition, NULL, 0, 1);
	exposition_family(&page.exposition, "alloc_bytes_total", METRIC_COUNTER, NULL);
	exposition_value(&page.exposition, NULL, 0, 2);
	exposition_family(&page.exposition, "free_bytes_total", METRIC_COUNTER, NULL);
	page_is(&page, "# TYPE alloc_bytes gauge\n"
		       "alloc_bytes 1\n"
		       "# TYPE alloc_bytes_total unknown\n"
		       "alloc_bytes_total 2\n"
		       "# TYPE free_bytes counter\n");
}

static void more_families_than_are_remembered_are_written_all_the_same(void **state)
{
	struct page page;
	char name[32];

	(void)state;
	page_open(&page, EXPOSITION_OPENMETRICS);
	for (unsigned i = 0; i < EXPOSITION_NAMES_MAX + 50; i++) {
		snprintf(name, sizeof(name), "family_%u_total", i);
		exposition_family(&page.exposition, name, METRIC_COUNTER, NULL);
		exposition_value(&page.exposition, NULL, 0, i);
	}
	assert_non_null(strstr(page_text(&page), "# TYPE family_305 counter\nfamily_305_total 305\n"));
	buffer_free(&page.text);
}

// --- escaping ---

static void assert_label(const char *value, const char *expected)
{
	const struct label label = {"path", value};
	struct page page;
	char line[512];

	for (enum exposition_format format = EXPOSITION_TEXT; format <= EXPOSITION_OPENMETRICS; format++) {
		page_open(&page, format);
		page.exposition.family = "m";
		exposition_value(&page.exposition, &label, 1, 1);
		snprintf(line, sizeof(line), "m{path=\"%s\"} 1\n", expected);
		page_is(&page, line);
	}
}

static void labels_are_escaped(void **state)
{
	(void)state;
	assert_label("plain /orders/{id}?", "plain /orders/{id}?");
	assert_label("\\", "\\\\");
	assert_label("\"", "\\\"");
	assert_label("\n", "\\n");
	assert_label("a\\n\"b\"\n", "a\\\\n\\\"b\\\"\\n");
	assert_label("\r\t\x01\x7f", "\r\t\x01\x7f");
	assert_label("x\"} 1\nfake{a=\"", "x\\\"} 1\\nfake{a=\\\"");
}

static void invalid_utf8_in_labels_is_replaced(void **state)
{
	(void)state;
	assert_label("caf\u00e9 \u20ac \U0001F600", "caf\u00e9 \u20ac \U0001F600");
	assert_label("\xc2\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff",
		     "\xc2\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff");
	assert_label("\x80", "\uFFFD");
	assert_label("a\xffz", "a\uFFFDz");
	assert_label("\xc0\xaf", "\uFFFD\uFFFD");                     // overlong "/"
	assert_label("\xe0\x80\xaf", "\uFFFD\uFFFD\uFFFD");           // overlong
	assert_label("\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD");           // surrogate
	assert_label("\xf4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"); // beyond U+10FFFF
	assert_label("\xf5", "\uFFFD");
	assert_label("\xc3", "\uFFFD"); // cut at the end
	assert_label("\xe2\x82", "\uFFFD\uFFFD");
	assert_label("\xf0\x9f\x98", "\uFFFD\uFFFD\uFFFD");
	assert_label("\xc3\"", "\uFFFD\\\"");
	assert_label("\xe2\x82\n", "\uFFFD\uFFFD\\n");
}

static void help_is_escaped_as_each_format_wants(void **state)
{
	struct page page;

	(void)state;
	page_open(&page, EXPOSITION_TEXT);
	exposition_family(&page.exposition, "m", METRIC_GAUGE, "a \"b\" \\ c\nd");
	page_is(&page, "# HELP m a \"b\" \\\\ c\\nd\n# TYPE m gauge\n");
	page_open(&page, EXPOSITION_OPENMETRICS);
	exposition_family(&page.exposition, "m", METRIC_GAUGE, "a \"b\" \\ c\nd");
	page_is(&page, "# HELP m a \\\"b\\\" \\\\ c\\nd\n# TYPE m gauge\n");
}

// --- somebody else's parser ---

static void promtool_accepts_the_text(void **state)
{
	const struct label nasty[] = {{"service", "a\\b\"c\nd"}, {"path", "\xff/\u20ac"}};
	struct page page;
	FILE *promtool;
	int status;

	(void)state;
	if (system("command -v promtool >/dev/null") != 0) {
		print_message("promtool is not installed: skipped\n");
		skip();
	}
	page_open(&page, EXPOSITION_TEXT);
	exposition_family(&page.exposition, "http_requests_total", METRIC_COUNTER,
			  "With \"quotes\", \\ and\nlines.");
	exposition_value(&page.exposition, nasty, 2, 3);
	exposition_value(&page.exposition, NULL, 0, 1.0 / 3);
	exposition_family(&page.exposition, "temperature_celsius", METRIC_GAUGE, "Not a number.");
	exposition_value(&page.exposition, nasty, 2, NAN);
	exposition_value(&page.exposition, NULL, 0, -INFINITY);
	write_histogram(&page);
	promtool = popen("promtool check metrics", "w");
	assert_non_null(promtool);
	assert_int_equal(fwrite(page.text.data, 1, page.text.len, promtool), page.text.len);
	status = pclose(promtool);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	buffer_free(&page.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_and_gauges_in_text),
		cmocka_unit_test(counters_and_gauges_in_openmetrics),
		cmocka_unit_test(histograms_in_text),
		cmocka_unit_test(histograms_in_openmetrics),
		cmocka_unit_test(summaries_in_both_formats),
		cmocka_unit_test(counts_have_all_64_bits),
		cmocka_unit_test(a_counter_without_total_keeps_its_name),
		cmocka_unit_test(a_gauge_may_end_in_total),
		cmocka_unit_test(a_counter_beside_a_gauge_of_its_short_name_does_not_clash),
		cmocka_unit_test(more_families_than_are_remembered_are_written_all_the_same),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(invalid_utf8_in_labels_is_replaced),
		cmocka_unit_test(help_is_escaped_as_each_format_wants),
		cmocka_unit_test(promtool_accepts_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
