/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF-64, as far as a loader of static programs reads it.  "ELF-64 Object File Format", version 1.5. */
#ifndef BOOTSTRAP_ELF_H
#define BOOTSTRAP_ELF_H

#include <stdint.h>

struct elf_header {
    uint8_t e_ident[16];
    uint16_t e_type;
    uint16_t e_machine;
    uint32_t e_version;
    uint64_t e_entry;
    uint64_t e_phoff;
    uint64_t e_shoff;
    uint32_t e_flags;
    uint16_t e_ehsize;
    uint16_t e_phentsize;
    uint16_t e_phnum;
    uint16_t e_shentsize;
    uint16_t e_shnum;
    uint16_t e_shstrndx;
};

struct elf_segment {
    uint32_t p_type;
    uint32_t p_flags;
    uint64_t p_offset;
    uint64_t p_vaddr;
    uint64_t p_paddr;
    uint64_t p_filesz;
    uint64_t p_memsz;
    uint64_t p_align;
};

#define ELF_IDENT "\177ELF\2\1\1" /* 64 bits, little-endian, version 1 */
#define ELF_IDENT_LENGTH 7u
#define ELF_TYPE_EXECUTABLE 2u
#define ELF_SEGMENT_LOAD 1u
#define ELF_FLAG_EXECUTE 1u
#define ELF_FLAG_WRITE 2u
#define ELF_FLAG_READ 4u

#endif
