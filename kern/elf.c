/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/hal.h>
#include <kern/elf.h>
#include <kern/string.h>

struct elf_header {
    uint8_t ident[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t segments; /* offset of the table */
    uint64_t sections;
    uint32_t flags;
    uint16_t header_size;
    uint16_t segment_size;
    uint16_t segment_count;
    uint16_t section_size;
    uint16_t section_count;
    uint16_t section_names;
};
_Static_assert(sizeof(struct elf_header) == 64, "ELF64");

struct elf_segment {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t va;
    uint64_t pa;
    uint64_t file_size;
    uint64_t memory_size;
    uint64_t align;
};
_Static_assert(sizeof(struct elf_segment) == 56, "ELF64");

#define TYPE_EXEC 2
#define SEGMENT_LOAD 1
#define SEGMENT_DYNAMIC 2
#define SEGMENT_INTERPRETER 3
#define FLAG_X 1u
#define FLAG_W 2u

/* Magic, 64 bits, little-endian, version 1. */
static const uint8_t elf_ident[7] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

static bool header_valid(const struct elf_header *header, size_t size)
{
    return memcmp(header->ident, elf_ident, sizeof(elf_ident)) == 0 && header->type == TYPE_EXEC &&
           header->machine == HAL_ELF_MACHINE && header->segment_size == sizeof(struct elf_segment) &&
           header->segments <= size &&
           header->segment_count <= (size - header->segments) / sizeof(struct elf_segment);
}

static bool segment_valid(const struct elf_segment *segment, size_t size)
{
    return segment->file_size <= segment->memory_size && segment->offset <= size &&
           segment->file_size <= size - segment->offset &&
           HAL_USER_RANGE(segment->va, segment->memory_size) &&
           (segment->flags & (FLAG_W | FLAG_X)) != (FLAG_W | FLAG_X);
}

static vm_prot_t segment_prot(const struct elf_segment *segment)
{
    vm_prot_t prot = VM_PROT_READ;

    if ((segment->flags & FLAG_W) != 0)
        prot |= VM_PROT_WRITE;
    if ((segment->flags & FLAG_X) != 0)
        prot |= VM_PROT_EXECUTE;
    return prot;
}

static kern_return_t segment_load(struct vm_map *map, const char *image, const struct elf_segment *segment)
{
    hal_va_t start = segment->va / HAL_PAGE_SIZE * HAL_PAGE_SIZE;
    uint64_t size = segment->va - start + segment->memory_size;
    hal_va_t address = start;

    if (segment->memory_size == 0)
        return KERN_SUCCESS;
    kern_return_t kr = vm_map_allocate(map, &address, size, false);
    if (kr != KERN_SUCCESS)
        return kr;
    if (segment->file_size > 0)
        kr = vm_map_write(map, segment->va, image + segment->offset, segment->file_size);
    if (kr == KERN_SUCCESS)
        kr = vm_map_protect(map, start, size, false, segment_prot(segment));
    return kr;
}

kern_return_t elf_load(struct vm_map *map, const void *image, size_t size, hal_va_t *entry)
{
    struct elf_header header;
    struct elf_segment segment;

    if (size < sizeof(header))
        return KERN_INVALID_ARGUMENT;
    memcpy(&header, image, sizeof(header));
    if (!header_valid(&header, size))
        return KERN_INVALID_ARGUMENT;
    for (unsigned i = 0; i < header.segment_count; i++) {
        memcpy(&segment, (const char *)image + header.segments + i * sizeof(segment), sizeof(segment));
        if (segment.type == SEGMENT_DYNAMIC || segment.type == SEGMENT_INTERPRETER)
            return KERN_INVALID_ARGUMENT;
        if (segment.type != SEGMENT_LOAD)
            continue;
        if (!segment_valid(&segment, size))
            return KERN_INVALID_ARGUMENT;
        kern_return_t kr = segment_load(map, image, &segment);
        if (kr != KERN_SUCCESS)
            return kr;
    }
    *entry = header.entry;
    return KERN_SUCCESS;
}
