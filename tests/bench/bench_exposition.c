// SPDX-License-Identifier: Apache-2.0
// How long a scrape takes to write and to compress: 5 000 and 50 000 series of the contract's shape, both
// formats, the best of some rounds. Prints one line for each case. No arguments, no files.
#include "buffer.h"
#include "compress.h"
#include "exposition.h"
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 15, SERIES_MAX = 50000 };

static const double bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
				0.1,    0.25,  0.5,    1,     2.5,  5,     10};
enum { BOUNDS = sizeof(bounds) / sizeof(*bounds), LINES_PER_HISTOGRAM = BOUNDS + 3 };

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/// Route templates, made before the clock runs.
static char paths[SERIES_MAX][32];

/// Half of the series in histograms, a quarter counts, a quarter times.
static void write_series(struct exposition *exposition, unsigned series)
{
	uint64_t counts[BOUNDS + 1];
	struct label labels[] = {{"service", "checkout"},
				 {"container", "shop-checkout-1"},
				 {"method", "POST"},
				 {"path", NULL}};

	for (unsigned i = 0; i <= BOUNDS; i++)
		counts[i] = 1000 + 37 * i;
	exposition_family(exposition, "http_request_duration_seconds", METRIC_HISTOGRAM,
			  "Time to the last byte.");
	for (unsigned i = 0; i < series / 2 / LINES_PER_HISTOGRAM; i++) {
		labels[3].value = paths[i];
		exposition_histogram(exposition, labels, 4, bounds, BOUNDS, counts, i + 0.123456789);
	}
	exposition_family(exposition, "http_requests_total", METRIC_COUNTER, "Requests.");
	for (unsigned i = 0; i < series / 4; i++) {
		labels[3].value = paths[i];
		exposition_value(exposition, labels, 4, 1e6 + i);
	}
	exposition_family(exposition, "http_request_phase_seconds_total", METRIC_COUNTER, "Time by phase.");
	for (unsigned i = 0; exposition->series < series; i++) {
		labels[3].value = paths[i];
		// Every tenth number is as long as a double can be, the rest are sums of nanoseconds.
		exposition_value(exposition, labels, 4, i % 10 ? i * 1.000000017 : i / 3.0);
	}
	exposition_end(exposition);
}

static void bench(const char *name, enum exposition_format format, unsigned series)
{
	struct buffer text = {0}, packed = {0};
	double write_ms = 1e9, pack_ms = 1e9;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct exposition exposition = {.out = &text, .format = format};
		double start = now_ms(), written;

		// A scrape starts with an empty buffer: growing it is part of the price.
		buffer_free(&text);
		buffer_clear(&packed);
		write_series(&exposition, series);
		written = now_ms();
		compress_gzip(&packed, text.data, text.len);
		write_ms = written - start < write_ms ? written - start : write_ms;
		pack_ms = now_ms() - written < pack_ms ? now_ms() - written : pack_ms;
	}
	printf("%-11s %6u series  %8zu bytes in %6.2f ms  gzip %7zu bytes in %6.2f ms\n", name, series,
	       text.len, write_ms, packed.len, pack_ms);
	buffer_free(&text);
	buffer_free(&packed);
}

int main(void)
{
	for (unsigned i = 0; i < SERIES_MAX; i++)
		snprintf(paths[i], sizeof(paths[i]), "/orders/%u/{id}", i);
	bench("text", EXPOSITION_TEXT, 5000);
	bench("openmetrics", EXPOSITION_OPENMETRICS, 5000);
	bench("text", EXPOSITION_TEXT, 50000);
	bench("openmetrics", EXPOSITION_OPENMETRICS, 50000);
	return 0;
}
