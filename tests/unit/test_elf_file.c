// SPDX-License-Identifier: Apache-2.0
// ELF files: this test's own executable, and copies of it that were cut or damaged.
#include "elf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "elf_symbols.h"
#include "mappings.h"

extern const char elf_test_marker[];
const char elf_test_marker[] = "the marker of test_elf_file";

static void the_own_executable_is_read(void **state)
{
	AUTO_CLOSE int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	AUTO_ELF_FILE struct elf_file file = {0};
	struct elf_section section;
	uint8_t *bytes;

	(void)state;
	assert_int_equal(elf_file_open(fd, &file), 0);
	assert_true(file.segment_count >= 2);
	assert_true(elf_file_section(&file, ".text", &section) && section.in_file && section.size);
	assert_true(elf_file_section(&file, ".bss", &section) && !section.in_file);
	assert_false(elf_file_section(&file, ".tex", &section));
	assert_false(elf_file_section(&file, ".text.none", &section));
	assert_true(elf_file_section(&file, ".interp", &section));
	assert_int_equal(elf_file_load(&file, section.offset, section.size, &bytes), 0);
	assert_int_equal(bytes[0], '/');
	free(bytes);
}

static bool first_of_executable(void *context, const struct mapping *mapping)
{
	struct mapping *found = context;
	char executable[256] = "";

	if (readlink("/proc/self/exe", executable, sizeof(executable) - 1) < 0 ||
	    strcmp(mapping->path, executable) != 0)
		return true;
	*found = *mapping;
	return false;
}

static void a_symbol_leads_to_the_address_and_to_the_bytes(void **state)
{
	static const char *const names[] = {"elf_test_marker", "no_such_symbol_anywhere", "main"};
	AUTO_CLOSE int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	AUTO_ELF_FILE struct elf_file file = {0};
	struct elf_symbol symbols[3];
	struct mapping mapping;
	char text[sizeof(elf_test_marker)];
	uint64_t offset, bias;

	(void)state;
	assert_int_equal(elf_file_open(fd, &file), 0);
	assert_int_equal(elf_symbols_find(&file, names, 3, symbols), 2);
	assert_int_equal(symbols[1].address, 0);
	assert_true(symbols[0].size_bytes >= sizeof(elf_test_marker)); /* the sanitizer's red zone is added */
	assert_true(elf_file_offset(&file, symbols[0].address, sizeof(text), &offset));
	assert_int_equal(elf_file_read(&file, offset, text, sizeof(text)), 0);
	assert_string_equal(text, elf_test_marker);
	assert_int_equal(mappings_each(getpid(), first_of_executable, &mapping), 0);
	assert_true(elf_file_bias(&file, mapping.start, mapping.offset, &bias));
	assert_ptr_equal(symbols[0].address + bias, elf_test_marker);
	assert_false(elf_file_bias(&file, mapping.start, 0x7ffff000, &bias));
}

static void nothing_is_read_beyond_the_end(void **state)
{
	AUTO_CLOSE int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	AUTO_ELF_FILE struct elf_file file = {0};
	uint8_t *bytes = NULL;
	char byte;

	(void)state;
	assert_int_equal(elf_file_open(fd, &file), 0);
	assert_int_equal(elf_file_read(&file, file.size_bytes - 1, &byte, 1), 0);
	assert_int_equal(elf_file_read(&file, file.size_bytes, &byte, 1), -ERANGE);
	assert_int_equal(elf_file_read(&file, UINT64_MAX, &byte, 1), -ERANGE);
	assert_int_equal(elf_file_load(&file, 1, file.size_bytes, &bytes), -ERANGE);
	assert_int_equal(elf_file_load(&file, 0, UINT64_MAX, &bytes), -E2BIG);
	assert_null(bytes);
}

/* A file of some bytes of our executable, one of them changed if `at` is inside. */
static int copy(size_t len, size_t at, uint8_t value)
{
	AUTO_CLOSE int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	AUTO_FREE uint8_t *bytes = calloc(1, len + 1);
	char path[] = "/tmp/ringside-elf-XXXXXX";
	int to = mkstemp(path);

	unlink(path);
	assert_true(pread(from, bytes, len, 0) == (ssize_t)len);
	if (at < len)
		bytes[at] = value;
	assert_true(write(to, bytes, len) == (ssize_t)len);
	return to;
}

static void what_is_no_elf_file_of_this_kind_is_refused(void **state)
{
	static const struct {
		size_t len, at;
		uint8_t value;
	} damages[] = {
		{0, 1, 0},
		{3, 9, 0},
		{16, 99, 0},
		{63, 99, 0},
		{4096, EI_CLASS, ELFCLASS32},
		{4096, EI_DATA, ELFDATA2MSB},
	};
	AUTO_CLOSE int directory = open("/tmp", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	struct elf_file file;

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		AUTO_CLOSE int fd = copy(damages[i].len, damages[i].at, damages[i].value);

		assert_int_equal(elf_file_open(fd, &file), -ENOEXEC);
	}
	assert_int_equal(elf_file_open(directory, &file), -ENOEXEC);
}

static void a_cut_file_has_no_sections(void **state)
{
	static const char *const names[] = {"main"};
	AUTO_CLOSE int fd = copy(8192, SIZE_MAX, 0);
	AUTO_ELF_FILE struct elf_file file = {0};
	struct elf_section section;
	struct elf_symbol symbol;

	(void)state;
	assert_int_equal(elf_file_open(fd, &file), 0);
	assert_false(elf_file_section(&file, ".text", &section));
	assert_int_equal(elf_symbols_find(&file, names, 1, &symbol), 0);
}

static void a_file_that_shrinks_while_it_is_open_is_an_error(void **state)
{
	AUTO_CLOSE int fd = copy(65536, SIZE_MAX, 0);
	AUTO_ELF_FILE struct elf_file file = {0};
	uint8_t *bytes = NULL;

	(void)state;
	assert_int_equal(elf_file_open(fd, &file), 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(elf_file_load(&file, 0, 65536, &bytes), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_own_executable_is_read),
		cmocka_unit_test(a_symbol_leads_to_the_address_and_to_the_bytes),
		cmocka_unit_test(nothing_is_read_beyond_the_end),
		cmocka_unit_test(what_is_no_elf_file_of_this_kind_is_refused),
		cmocka_unit_test(a_cut_file_has_no_sections),
		cmocka_unit_test(a_file_that_shrinks_while_it_is_open_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
