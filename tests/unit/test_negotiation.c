// SPDX-License-Identifier: Apache-2.0
// Which format the Accept headers of real scrapers and browsers get, and those that nobody sends.
#include "negotiation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static void the_accept_header_chooses(void **state)
{
	static const struct {
		enum exposition_format format;
		const char *accept;
	} cases[] = {
		// Prometheus 3, 2.50 with native histograms, 2.30, curl, browsers, Java
		{EXPOSITION_OPENMETRICS,
		 "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
		 "text/plain;version=0.0.4;q=0.3,*/*;q=0.1"},
		{EXPOSITION_OPENMETRICS,
		 "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/"
		 "openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
		 "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"},
		{EXPOSITION_OPENMETRICS,
		 "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;"
		 "q=0.7,application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;"
		 "version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"},
		{EXPOSITION_TEXT,
		 "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
		 "text/plain;version=0.0.4;q=0.3,*/*;q=0.1"},
		{EXPOSITION_OPENMETRICS,
		 "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"},
		{EXPOSITION_TEXT, "text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.8"},
		{EXPOSITION_TEXT, NULL},
		{EXPOSITION_TEXT, "*/*"},
		{EXPOSITION_TEXT,
		 "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"},
		{EXPOSITION_TEXT, "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"},
		// the more specific range decides, whatever its place
		{EXPOSITION_TEXT, "application/openmetrics-text;q=0,*/*"},
		{EXPOSITION_TEXT, "*/*,application/openmetrics-text;q=0"},
		{EXPOSITION_OPENMETRICS, "text/plain;q=0,*/*"},
		{EXPOSITION_OPENMETRICS,
		 "text/plain;q=0.1,text/plain;version=0.0.4;q=0.2,application/*;q=0.3"},
		{EXPOSITION_OPENMETRICS, "application/openmetrics-text,*/*"},
		{EXPOSITION_OPENMETRICS, "application/*"},
		// other versions are other formats
		{EXPOSITION_TEXT, "application/openmetrics-text;version=2.0.0,text/plain;q=0.1"},
		{EXPOSITION_TEXT, "application/openmetrics-text;version=2.0.0"},
		{EXPOSITION_OPENMETRICS, "application/openmetrics-text;version=2.0.0,"
					 "application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.1"},
		// spelling
		{EXPOSITION_OPENMETRICS, "APPLICATION/OpenMetrics-Text ; VERSION=\"1.0.0\" ; Q=1.000"},
		{EXPOSITION_OPENMETRICS, "\tapplication/openmetrics-text\t;q=0.002 , text/plain;q=0.001"},
		{EXPOSITION_OPENMETRICS, "text/plain;x=\"a,b;q=1\";q=0.1,application/openmetrics-text;q=0.2"},
		// garbage is text
		{EXPOSITION_TEXT, ""},
		{EXPOSITION_TEXT, ",,,;;;==,"},
		{EXPOSITION_TEXT, "\"application/openmetrics-text"},
		{EXPOSITION_TEXT, "application/openmetrics-text;q=nonsense"},
		{EXPOSITION_TEXT, "application/openmetrics-text;q=9"},
		{EXPOSITION_TEXT, "application/openmetrics-text;q=-1"},
		{EXPOSITION_TEXT, "application/openmetrics-textual"},
		{EXPOSITION_TEXT, "\xff\xfe\x01;q=1"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		if (negotiation_format(cases[i].accept) != cases[i].format)
			fail_msg("wrong format for Accept: %s", cases[i].accept);
}

static void each_format_is_announced_with_its_version(void **state)
{
	(void)state;
	assert_string_equal(negotiation_content_type(EXPOSITION_TEXT),
			    "text/plain; version=0.0.4; charset=utf-8");
	assert_string_equal(negotiation_content_type(EXPOSITION_OPENMETRICS),
			    "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_accept_header_chooses),
		cmocka_unit_test(each_format_is_announced_with_its_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
