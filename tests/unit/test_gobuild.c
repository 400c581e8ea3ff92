// SPDX-License-Identifier: Apache-2.0
// Executables that no Go linker has written: sparse files of some bytes, which claim sections of gigabytes.
#include "gobuild.h"

#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HUGE_BYTES 2000000000ULL
#define NAMES_AT 4096
#define BUILD_INFO_AT 8192

static const char names[] = "\0.go.buildinfo";
/* Magic, pointer size, flag 2 (strings inline), 16 bytes of padding; "go1.20" behind its length, and nothing.
 */
static const char build_info[] = "\xff Go buildinf:\x08\x02"
				 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				 "\x06go1.20";

struct executable {
	Elf64_Ehdr header;
	Elf64_Shdr sections[3]; ///< none, names, build information
};

static struct executable small(void)
{
	return (struct executable){
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				       EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_X86_64,
			   .e_version = EV_CURRENT,
			   .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_shoff = sizeof(Elf64_Ehdr),
			   .e_shentsize = sizeof(Elf64_Shdr),
			   .e_shnum = 3,
			   .e_shstrndx = 1},
		.sections = {{.sh_type = SHT_NULL},
			     {.sh_type = SHT_STRTAB, .sh_offset = NAMES_AT, .sh_size = sizeof(names)},
			     {.sh_type = SHT_PROGBITS,
			      .sh_name = 1,
			      .sh_offset = BUILD_INFO_AT,
			      .sh_size = sizeof(build_info)}},
	};
}

static bool reads(const struct executable *executable, struct gobuild *ret_build)
{
	char path[] = "/tmp/ringside-gobuild-XXXXXX";
	int fd = mkstemp(path);
	bool found;

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(ftruncate(fd, 2 * HUGE_BYTES), 0);
	assert_int_equal(pwrite(fd, executable, sizeof(*executable), 0), sizeof(*executable));
	assert_int_equal(pwrite(fd, names, sizeof(names), NAMES_AT), sizeof(names));
	assert_int_equal(pwrite(fd, build_info, sizeof(build_info), BUILD_INFO_AT), sizeof(build_info));
	found = gobuild_read(fd, ret_build);
	close(fd);
	return found;
}

/* The most memory that was in use since the last call. */
static long peak_kib(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	int reset = open("/proc/self/clear_refs", O_WRONLY);
	char line[256];
	long peak = 0;

	assert_non_null(status);
	while (fgets(line, sizeof(line), status))
		sscanf(line, "VmHWM: %ld", &peak);
	fclose(status);
	assert_int_equal(write(reset, "5", 1), 1);
	close(reset);
	return peak;
}

static void assert_is_let_be(const struct executable *executable)
{
	struct gobuild build;
	long before;

	peak_kib();
	before = peak_kib();
	assert_false(reads(executable, &build));
	assert_true(peak_kib() - before < 64 * 1024);
}

static void build_information_is_found_by_its_name(void **state)
{
	struct executable executable = small();
	struct gobuild build;

	(void)state;
	assert_true(reads(&executable, &build));
	assert_string_equal(build.version, "1.20");
}

static void huge_build_information_is_let_be(void **state)
{
	struct executable executable = small();

	(void)state;
	executable.sections[2].sh_size = HUGE_BYTES;
	assert_is_let_be(&executable);
}

static void a_huge_table_of_names_is_let_be(void **state)
{
	struct executable executable = small();

	(void)state;
	executable.sections[1].sh_size = HUGE_BYTES;
	assert_is_let_be(&executable);
}

static void sections_without_number_are_let_be(void **state)
{
	struct executable executable = small();

	(void)state;
	executable.header.e_shnum = 0;
	executable.sections[0].sh_size = HUGE_BYTES / sizeof(Elf64_Shdr);
	assert_is_let_be(&executable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(build_information_is_found_by_its_name),
		cmocka_unit_test(huge_build_information_is_let_be),
		cmocka_unit_test(a_huge_table_of_names_is_let_be),
		cmocka_unit_test(sections_without_number_are_let_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
