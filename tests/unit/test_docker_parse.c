// SPDX-License-Identifier: Apache-2.0
// The daemon's JSON: what Docker and Podman send, and what a stranger may have put into it.
#include "docker_parse.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID "4f66ad9a0b2e2fd0a3ee4ab7d32a6c4d4f66ad9a0b2e2fd0a3ee4ab7d32a6c4d"
#define OTHER_ID "00000000000000000000000000000000000000000000000000000000000000aa"

/// On the heap and without an end mark, so that the sanitizer sees any byte read beyond it.
static char *heap_copy(const char *text)
{
	char *copy = malloc(strlen(text) ? strlen(text) : 1);

	assert_non_null(copy);
	return memcpy(copy, text, strlen(text));
}

static int inspect(const char *text, struct docker_inspection *ret_inspection)
{
	char *copy = heap_copy(text);
	int err = docker_parse_inspection(copy, strlen(text), ret_inspection);

	free(copy);
	return err;
}

static void an_inspection_gives_the_facts_of_a_container(void **state)
{
	struct docker_inspection inspection;

	(void)state;
	assert_int_equal(
		inspect("{\"Id\":\"" ID "\",\"Name\":\"/shop-1\",\"Image\":\"sha256:abc\","
			"\"RestartCount\":3,\"State\":{\"Status\":\"running\",\"Running\":true,\"Pid\":4711,"
			"\"StartedAt\":\"2026-11-24T21:13:35.679633337Z\"},"
			"\"Config\":{\"Image\":\"shop:1.2\",\"Labels\":{"
			"\"ringside.service\":\"shop\",\"com.docker.compose.service\":\"web\","
			"\"com.docker.compose.project\":\"store\",\"com.docker.swarm.service.name\":"
			"\"swarm\","
			"\"io.kubernetes.container.name\":\"kube\"}}}",
			&inspection),
		0);
	assert_true(inspection.running);
	assert_string_equal(inspection.container.id, ID);
	assert_string_equal(inspection.container.name, "shop-1");
	assert_string_equal(inspection.container.image, "shop:1.2");
	assert_string_equal(inspection.container.service_label, "shop");
	assert_string_equal(inspection.container.compose_service, "web");
	assert_string_equal(inspection.container.compose_project, "store");
	assert_string_equal(inspection.container.orchestrator_service, "swarm");
	assert_int_equal(inspection.container.pid, 4711);
	assert_int_equal(inspection.container.restarts, 3);
	assert_true(fabs(inspection.container.started_s - 1795554815.679633337) < 1e-6);
	docker_inspection_free(&inspection);
	docker_inspection_free(&inspection);
}

static void the_kubernetes_label_serves_where_swarm_has_none(void **state)
{
	struct docker_inspection inspection;

	(void)state;
	assert_int_equal(inspect("{\"Id\":\"" ID "\",\"State\":{},\"Config\":{\"Labels\":{"
				 "\"io.kubernetes.container.name\":\"kube\"}}}",
				 &inspection),
			 0);
	assert_string_equal(inspection.container.orchestrator_service, "kube");
	docker_inspection_free(&inspection);
}

static void facts_that_are_missing_or_of_the_wrong_kind_are_empty(void **state)
{
	static const char *const texts[] = {
		"{\"Id\":\"" ID "\",\"State\":{}}",
		"{\"Id\":\"" ID
		"\",\"State\":{\"Pid\":0,\"Running\":false},\"Name\":\"\",\"Config\":{\"Labels\":null}}",
		"{\"Id\":\"" ID "\",\"State\":{\"Pid\":\"7\",\"Running\":1},\"Name\":[],\"Config\":[]}",
		"{\"Id\":\"" ID
		"\",\"State\":{\"Pid\":-3},\"Name\":\"/\",\"Config\":{\"Labels\":{\"ringside.service\":7}}}",
		"{\"Id\":\"" ID "\",\"State\":{\"Pid\":99999999999999999999999}}",
		"{\"Id\":\"" ID "\",\"State\":{\"Pid\":4194305}}",
		"{\"Id\":\"" ID "\",\"RestartCount\":-1,\"State\":{\"StartedAt\":\"0001-01-01T00:00:00Z\"}}",
		"{\"Id\":\"" ID "\",\"RestartCount\":\"3\",\"State\":{\"StartedAt\":7}}",
		"{\"Id\":\"" ID "\",\"RestartCount\":1e300,\"State\":{\"StartedAt\":\"yesterday\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct docker_inspection inspection;

		assert_int_equal(inspect(texts[i], &inspection), 0);
		assert_false(inspection.running);
		assert_string_equal(inspection.container.name, "");
		assert_string_equal(inspection.container.image, "");
		assert_string_equal(inspection.container.service_label, "");
		assert_string_equal(inspection.container.compose_service, "");
		assert_string_equal(inspection.container.compose_project, "");
		assert_string_equal(inspection.container.orchestrator_service, "");
		assert_int_equal(inspection.container.pid, 0);
		assert_int_equal(inspection.container.restarts, -1);
		assert_true(inspection.container.started_s == 0);
		docker_inspection_free(&inspection);
	}
}

static void what_is_no_container_is_refused_and_leaves_the_result_alone(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"null",
		"[]",
		"{}",
		"\"text\"",
		"{\"Id\":\"" ID "\"}",
		"{\"Id\":\"short\",\"State\":{}}",
		"{\"Id\":\"../../../../../../../../../../../../../../../../../../../../etc/x\",\"State\":{}}",
		"{\"Id\":\"4F66AD9A0B2E2FD0A3EE4AB7D32A6C4D4F66AD9A0B2E2FD0A3EE4AB7D32A6C4D\",\"State\":{}}",
		"{\"Id\":\"" ID "\",\"State\":\"up\"}",
		"{\"Id\":\"" ID "\",\"State\":{}} trailing",
		"{\"Id\":\"" ID "\",\"State\":{},\"Name\":\"\xff\"}",
	};
	struct docker_inspection inspection = {.running = true};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(inspect(texts[i], &inspection), -EBADMSG);
	assert_null(inspection.json);
	assert_true(inspection.running);
}

static void a_text_beyond_512_bytes_counts_as_missing(void **state)
{
	char text[1024];

	(void)state;
	for (int len = 512; len <= 513; len++) {
		struct docker_inspection inspection;

		snprintf(text, sizeof(text),
			 "{\"Id\":\"" ID
			 "\",\"State\":{},\"Config\":{\"Labels\":{\"ringside.service\":\"%0*d\"}}}",
			 len, 7);
		assert_int_equal(inspect(text, &inspection), 0);
		assert_int_equal(strlen(inspection.container.service_label), len == 512 ? 512 : 0);
		docker_inspection_free(&inspection);
	}
}

static void a_nul_in_a_label_or_in_its_name_spoils_nothing_else(void **state)
{
	struct docker_inspection inspection;

	(void)state;
	assert_int_equal(inspect("{\"Id\":\"" ID
				 "\",\"State\":{},\"Config\":{\"Labels\":{\"a\\u0000b\":\"x\","
				 "\"ringside.service\":\"sh\\u0000op\",\"com.docker.compose.service\":"
				 "\"\\\\u0000\"}}}",
				 &inspection),
			 0);
	assert_string_equal(inspection.container.service_label, "sh\xef\xbf\xbdop");
	assert_string_equal(inspection.container.compose_service, "\\u0000");
	docker_inspection_free(&inspection);
}

static void a_time_is_one_of_rfc_3339(void **state)
{
	static const struct {
		const char *text;
		double seconds;
	} cases[] = {
		{"1970-01-01T00:00:01Z", 1},
		{"2026-11-24T21:13:35Z", 1795554815},
		{"2026-11-24T22:13:35+01:00", 1795554815},
		{"2026-11-24T20:43:35.0-00:30", 1795554815},
		{"2026-11-24T21:13:35.5z", 1795554815.5},
		{"0001-01-01T00:00:00Z", 0},
		{"2026-11-24T21:13:35", 0},
		{"2026-11-24T21:13:35.Z", 0},
		{"2026-11-24T21:13:35+1:00", 0},
		{"2026-11-24T21:13:35Z ", 0},
		{"2026-11-24T21:13:35?01:00", 0},
		{"2026-11-24 21:13:35Z", 0},
		{"2026-13-24T21:13:35Z", 0},
		{"", 0},
		{"Z", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (docker_parse_time(cases[i].text) != cases[i].seconds)
			fail_msg("\"%s\" is %f", cases[i].text, docker_parse_time(cases[i].text));
}

static void collect(void *context, const char *id)
{
	char *ids = context;

	snprintf(ids + strlen(ids), 256 - strlen(ids), "%s ", id);
}

static int list(const char *text, char ret_ids[256])
{
	char *copy = heap_copy(text);
	int err;

	ret_ids[0] = '\0';
	err = docker_parse_list(copy, strlen(text), collect, ret_ids);
	free(copy);
	return err;
}

static void a_list_gives_each_id_that_is_one(void **state)
{
	char ids[256];

	(void)state;
	assert_int_equal(list("[]\n", ids), 0);
	assert_string_equal(ids, "");
	assert_int_equal(list("[{\"Id\":\"" ID "\",\"Names\":[\"/a\"]},{\"Id\":\"../x\"},{},7,null,"
			      "{\"Id\":\"" OTHER_ID "\",\"Labels\":{\"\\u0000\":\"\"}}]",
			      ids),
			 0);
	assert_string_equal(ids, ID " " OTHER_ID " ");
}

static void what_is_no_list_is_refused_whole(void **state)
{
	static const char *const texts[] = {"", "{}", "null", "[{\"Id\":\"" ID "\"}", "<html>"};
	char ids[256];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(list(texts[i], ids), -EBADMSG);
		assert_string_equal(ids, "");
	}
}

static int event(const char *text, struct docker_event *ret_event)
{
	char *copy = heap_copy(text);
	int err = docker_parse_event(copy, strlen(text), ret_event);

	free(copy);
	return err;
}

static void events_of_docker_and_podman_say_what_became_of_a_container(void **state)
{
	static const struct {
		const char *action;
		enum docker_change change;
	} cases[] = {
		{"start", DOCKER_CHANGED},
		{"rename", DOCKER_CHANGED},
		{"update", DOCKER_CHANGED},
		{"die", DOCKER_GONE},
		{"died", DOCKER_GONE},
		{"destroy", DOCKER_GONE},
		{"remove", DOCKER_GONE},
		{"oom", DOCKER_OOM},
		{"exec_start: sh", DOCKER_UNRELATED},
		{"health_status: healthy", DOCKER_UNRELATED},
		{"", DOCKER_UNRELATED},
	};
	struct docker_event parsed;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text),
			 "{\"status\":\"x\",\"id\":\"y\",\"from\":\"z\",\"Type\":\"container\",\"Action\":\"%"
			 "s\","
			 "\"Actor\":{\"ID\":\"" ID
			 "\",\"Attributes\":{\"image\":\"shop\"}},\"scope\":\"local\","
			 "\"time\":1732316100,\"timeNano\":1732316100123456789}",
			 cases[i].action);
		assert_int_equal(event(text, &parsed), 0);
		assert_int_equal(parsed.change, cases[i].change);
		assert_string_equal(parsed.id, parsed.change == DOCKER_UNRELATED ? "" : ID);
	}
}

static void events_of_other_things_are_unrelated(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"Type\":\"network\",\"Action\":\"destroy\",\"Actor\":{\"ID\":\"" ID "\"}}",
		"{\"Type\":\"container\",\"Action\":\"start\"}",
		"{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"../x\"}}",
		"{\"Type\":7,\"Action\":[],\"Actor\":\"\"}",
	};
	struct docker_event parsed;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(event(texts[i], &parsed), 0);
		assert_int_equal(parsed.change, DOCKER_UNRELATED);
	}
}

static void what_is_no_event_is_refused(void **state)
{
	static const char *const texts[] = {"", "garbage", "[]", "{\"Type\":\"container\",\"Act"};
	struct docker_event parsed;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(event(texts[i], &parsed), -EBADMSG);
}

static void a_refusal_gives_the_daemons_words(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"{\"message\":\"client version too old\"}\n", "client version"}, // cut to the space there is
		{"{\"message\":7}", ""},
		{"Bad Request", ""},
		{"", ""},
	};
	char words[sizeof("client version")];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *copy = heap_copy(cases[i].text);

		docker_parse_refusal(copy, strlen(cases[i].text), words, sizeof(words));
		assert_string_equal(words, cases[i].words);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_inspection_gives_the_facts_of_a_container),
		cmocka_unit_test(the_kubernetes_label_serves_where_swarm_has_none),
		cmocka_unit_test(facts_that_are_missing_or_of_the_wrong_kind_are_empty),
		cmocka_unit_test(what_is_no_container_is_refused_and_leaves_the_result_alone),
		cmocka_unit_test(a_text_beyond_512_bytes_counts_as_missing),
		cmocka_unit_test(a_nul_in_a_label_or_in_its_name_spoils_nothing_else),
		cmocka_unit_test(a_time_is_one_of_rfc_3339),
		cmocka_unit_test(a_list_gives_each_id_that_is_one),
		cmocka_unit_test(what_is_no_list_is_refused_whole),
		cmocka_unit_test(events_of_docker_and_podman_say_what_became_of_a_container),
		cmocka_unit_test(events_of_other_things_are_unrelated),
		cmocka_unit_test(what_is_no_event_is_refused),
		cmocka_unit_test(a_refusal_gives_the_daemons_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
