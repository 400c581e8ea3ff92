// SPDX-License-Identifier: Apache-2.0
// ELF files as the gABI describes them (elf(5)). Symbols are elf_symbols.c's; what is found goes to gobuild
// and the runtimes.
#include "elf_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gelf.h>

#include "cleanup.h"

#define NAMES_MAX (1 << 20) ///< bytes of section names

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OUR_BYTE_ORDER ELFDATA2LSB
#else
#define OUR_BYTE_ORDER ELFDATA2MSB
#endif

static void collect_segments(struct elf_file *file)
{
	size_t count = 0;

	if (elf_getphdrnum(file->elf, &count))
		return;
	for (size_t i = 0; i < count && file->segment_count < ELF_FILE_SEGMENTS_MAX; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(file->elf, (int)i, &header))
			return;
		if (header.p_type != PT_LOAD)
			continue;
		file->segments[file->segment_count++] = (struct elf_segment){
			.address = header.p_vaddr,
			.memory_size = header.p_memsz,
			.offset = header.p_offset,
			.file_size = header.p_filesz,
			.writable = header.p_flags & PF_W,
			.executable = header.p_flags & PF_X,
		};
	}
}

/* Section headers without their number leave it to the file, sparse or not, and libelf makes room for as many
 * as there then are: only files with 65 280 sections need that. */
static bool has_few_sections(int fd)
{
	Elf64_Ehdr header;

	return pread(fd, &header, sizeof(header), 0) == sizeof(header) && (header.e_shnum || !header.e_shoff);
}

int elf_file_open(int fd, struct elf_file *ret_file)
{
	AUTO_ELF_FILE struct elf_file file = {.fd = fd};
	struct stat status;
	GElf_Ehdr header;

	if (fstat(fd, &status) || !S_ISREG(status.st_mode) || !has_few_sections(fd))
		return -ENOEXEC;
	file.size_bytes = status.st_size;
	elf_version(EV_CURRENT);
	file.elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!file.elf || elf_kind(file.elf) != ELF_K_ELF || !gelf_getehdr(file.elf, &header) ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != OUR_BYTE_ORDER)
		return -ENOEXEC;
	file.machine = header.e_machine;
	collect_segments(&file);
	*ret_file = file;
	file.elf = NULL;
	return 0;
}

void elf_file_close(struct elf_file *file)
{
	if (file->elf)
		elf_end(file->elf);
	file->elf = NULL;
}

static struct elf_section make_section(const GElf_Shdr *header)
{
	return (struct elf_section){
		.address = header->sh_addr,
		.offset = header->sh_offset,
		.size = header->sh_size,
		.entry_size = header->sh_entsize,
		.type = header->sh_type,
		.link = header->sh_link,
		.in_file = header->sh_type != SHT_NOBITS,
	};
}

bool elf_file_section_at(const struct elf_file *file, uint32_t index, struct elf_section *ret_section)
{
	GElf_Shdr header;

	if (index >= ELF_FILE_SECTIONS_MAX || !gelf_getshdr(elf_getscn(file->elf, index), &header))
		return false;
	*ret_section = make_section(&header);
	return true;
}

bool elf_file_section(const struct elf_file *file, const char *name, struct elf_section *ret_section)
{
	AUTO_FREE uint8_t *names = NULL;
	struct elf_section section;
	size_t names_index, len = strlen(name) + 1;

	if (elf_getshdrstrndx(file->elf, &names_index) || names_index >= ELF_FILE_SECTIONS_MAX ||
	    !elf_file_section_at(file, (uint32_t)names_index, &section) || section.size > NAMES_MAX ||
	    elf_file_load(file, section.offset, section.size, &names))
		return false;
	for (uint32_t i = 1; i < ELF_FILE_SECTIONS_MAX; i++) {
		GElf_Shdr header;

		if (!gelf_getshdr(elf_getscn(file->elf, i), &header))
			return false;
		if (header.sh_name < section.size && section.size - header.sh_name >= len &&
		    !memcmp(names + header.sh_name, name, len)) {
			*ret_section = make_section(&header);
			return true;
		}
	}
	return false;
}

int elf_file_read(const struct elf_file *file, uint64_t offset, void *ret, size_t len)
{
	size_t done = 0;

	if (offset > file->size_bytes || len > file->size_bytes - offset)
		return -ERANGE;
	while (done < len) {
		ssize_t got = pread(file->fd, (char *)ret + done, len - done, (off_t)(offset + done));

		if (got <= 0)
			return got < 0 ? -errno : -ERANGE;
		done += (size_t)got;
	}
	return 0;
}

int elf_file_load(const struct elf_file *file, uint64_t offset, uint64_t size, uint8_t **ret_bytes)
{
	AUTO_FREE uint8_t *bytes = NULL;
	int error;

	if (size > ELF_FILE_LOAD_MAX)
		return -E2BIG;
	if (offset > file->size_bytes || size > file->size_bytes - offset)
		return -ERANGE;
	bytes = malloc(size ? size : 1);
	if (!bytes)
		return -ENOMEM;
	error = elf_file_read(file, offset, bytes, size);
	if (!error)
		*ret_bytes = TAKE_PTR(bytes);
	return error;
}

bool elf_file_offset(const struct elf_file *file, uint64_t address, uint64_t len, uint64_t *ret_offset)
{
	for (unsigned i = 0; i < file->segment_count; i++) {
		const struct elf_segment *segment = &file->segments[i];
		uint64_t at = address - segment->address;

		if (address < segment->address || at > segment->file_size || len > segment->file_size - at)
			continue;
		*ret_offset = segment->offset + at;
		return true;
	}
	return false;
}

bool elf_file_bias(const struct elf_file *file, uint64_t mapping_start, uint64_t mapping_offset,
		   uint64_t *ret_bias)
{
	uint64_t page_mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;

	/* The kernel maps whole pages: both ends of a segment are rounded, its offset and its address alike.
	 */
	for (unsigned i = 0; i < file->segment_count; i++) {
		const struct elf_segment *segment = &file->segments[i];

		if ((segment->offset & ~page_mask) != mapping_offset)
			continue;
		*ret_bias = mapping_start - (segment->address & ~page_mask);
		return true;
	}
	return false;
}
