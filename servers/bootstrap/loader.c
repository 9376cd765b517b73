/* SPDX-License-Identifier: BSD-2-Clause */
/* A loader of static ELF programs. */
#include "loader.h"

#include "elf.h"

#include <libmach/isa.h>
#include <mach/mach.h>
#include <mach/startup.h>
#include <string.h>

#define STACK_SIZE ((vm_size_t)128 << 10)
#define STACK_HINT (UINT64_C(1) << 32) /* far from the program, and from null pointers with an offset */
#define WRITE_MAX 4096u                /* bytes of one mach_vm_write_inband() */
#define ARGS_MAX 4096u                 /* bytes of struct mach_startup, argv and its strings */
#define ARGC_MAX 32

/* Copy any number of bytes into a task. */
static kern_return_t write_memory(task_t task, vm_address_t address, const uint8_t *data, vm_size_t size)
{
    while (size > 0) {
        natural_t part = size < WRITE_MAX ? (natural_t)size : WRITE_MAX;
        kern_return_t kr = mach_vm_write_inband(task, address, (uint8_t *)(uintptr_t)data, part);
        if (kr != KERN_SUCCESS)
            return kr;
        address += part;
        data += part;
        size -= part;
    }
    return KERN_SUCCESS;
}

static bool header_valid(const struct elf_header *header, size_t file_size)
{
    return memcmp(header->e_ident, ELF_IDENT, ELF_IDENT_LENGTH) == 0 &&
           header->e_type == ELF_TYPE_EXECUTABLE && header->e_machine == MACH_ISA_ELF_MACHINE &&
           header->e_phentsize == sizeof(struct elf_segment) && header->e_phoff <= file_size &&
           header->e_phnum <= (file_size - header->e_phoff) / sizeof(struct elf_segment);
}

static vm_prot_t protection_of(const struct elf_segment *segment)
{
    vm_prot_t protection = VM_PROT_NONE;

    if ((segment->p_flags & ELF_FLAG_READ) != 0)
        protection |= VM_PROT_READ;
    if ((segment->p_flags & ELF_FLAG_WRITE) != 0)
        protection |= VM_PROT_WRITE;
    if ((segment->p_flags & ELF_FLAG_EXECUTE) != 0)
        protection |= VM_PROT_EXECUTE;
    return protection;
}

/* Fresh memory, what the file holds of it, then its protection. */
static kern_return_t copy_segment(task_t task, const struct archive_file *file,
                                  const struct elf_segment *segment, mach_vm_address_t address,
                                  mach_vm_size_t size)
{
    kern_return_t kr = mach_vm_allocate(task, &address, size, VM_FLAGS_FIXED);

    if (kr == KERN_SUCCESS)
        kr = write_memory(task, segment->p_vaddr, file->data + segment->p_offset, segment->p_filesz);
    if (kr == KERN_SUCCESS)
        kr = mach_vm_protect(task, address, size, FALSE, protection_of(segment));
    return kr;
}

/* Memory without contents from `from` to `to`: the rest of a page of the file, then fresh pages. */
static kern_return_t clear(task_t task, mach_vm_address_t from, mach_vm_address_t to)
{
    static const uint8_t zeros[PAGE_SIZE];
    mach_vm_address_t fresh = round_page(from);
    kern_return_t kr = write_memory(task, from, zeros, (to < fresh ? to : fresh) - from);

    if (kr == KERN_SUCCESS && to > fresh)
        kr = mach_vm_allocate(task, &fresh, to - fresh, VM_FLAGS_FIXED);
    return kr;
}

/* The pages of the file where they are to be, as a copy if they may be written: nothing is read for it, but where the data end. */
static kern_return_t map_segment(task_t task, const struct archive_file *file,
                                 const struct elf_segment *segment, mach_vm_address_t address,
                                 mach_vm_size_t size)
{
    const vm_prot_t protection = protection_of(segment);
    const mach_vm_address_t data_end = segment->p_vaddr + segment->p_filesz;
    mach_vm_size_t mapped = round_page(data_end) - address;
    kern_return_t kr = KERN_SUCCESS;

    if (((segment->p_vaddr ^ segment->p_offset) & PAGE_MASK) != 0)
        return KERN_INVALID_ARGUMENT;
    if (segment->p_filesz == 0)
        mapped = 0;
    if (mapped > 0)
        kr = mach_vm_map(task, &address, mapped, 0, VM_FLAGS_FIXED, file->object,
                         trunc_page(segment->p_offset), (protection & VM_PROT_WRITE) != 0, protection,
                         protection, VM_INHERIT_COPY);
    if (kr != KERN_SUCCESS || segment->p_memsz == segment->p_filesz)
        return kr;
    return mapped > 0 ? clear(task, data_end, address + size) : clear(task, address, address + size);
}

/* One segment, with its protection. */
static kern_return_t load_segment(task_t task, const struct archive_file *file,
                                  const struct elf_segment *segment)
{
    if (segment->p_offset > file->size || segment->p_filesz > file->size - segment->p_offset ||
        segment->p_filesz > segment->p_memsz || segment->p_memsz > UINT64_MAX - segment->p_vaddr)
        return KERN_INVALID_ARGUMENT;
    if (segment->p_memsz == 0)
        return KERN_SUCCESS;
    mach_vm_address_t address = trunc_page(segment->p_vaddr);
    mach_vm_size_t size = round_page(segment->p_vaddr + segment->p_memsz) - address;
    return file->object != MACH_PORT_NULL ? map_segment(task, file, segment, address, size)
                                          : copy_segment(task, file, segment, address, size);
}

static kern_return_t load_segments(task_t task, const struct archive_file *file, vm_address_t *entry)
{
    struct elf_header header;

    if (file->size < sizeof(header))
        return KERN_INVALID_ARGUMENT;
    memcpy(&header, file->data, sizeof(header));
    if (!header_valid(&header, file->size))
        return KERN_INVALID_ARGUMENT;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        struct elf_segment segment;
        memcpy(&segment, file->data + header.e_phoff + i * sizeof(segment), sizeof(segment));
        if (segment.p_type != ELF_SEGMENT_LOAD)
            continue;
        kern_return_t kr = load_segment(task, file, &segment);
        if (kr != KERN_SUCCESS)
            return kr;
    }
    *entry = header.e_entry;
    return KERN_SUCCESS;
}

/*
 * What a program finds at the top of its stack, from low to high addresses: struct mach_startup, argv,
 * strings. `page` is filled as it will look at address `base`.
 */
static kern_return_t build_startup(uint8_t page[ARGS_MAX], vm_address_t base, int argc,
                                   const char *const *argv)
{
    struct mach_startup startup = {
        .version = MACH_STARTUP_VERSION,
        .argc = (uint32_t)argc,
        .argv = base + sizeof(startup),
    };
    uint64_t address[ARGC_MAX + 1] = {0};
    size_t used = sizeof(startup) + ((size_t)argc + 1) * sizeof(address[0]);

    if (argc > ARGC_MAX)
        return KERN_INVALID_ARGUMENT;
    for (int i = 0; i < argc; i++) {
        size_t size = strlen(argv[i]) + 1;
        if (size > ARGS_MAX - used)
            return KERN_INVALID_ARGUMENT;
        address[i] = base + used;
        memcpy(page + used, argv[i], size);
        used += size;
    }
    memcpy(page, &startup, sizeof(startup));
    memcpy(page + sizeof(startup), address, ((size_t)argc + 1) * sizeof(address[0]));
    return KERN_SUCCESS;
}

/* A stack with a guard page below and the arguments on top. */
static kern_return_t make_stack(task_t task, int argc, const char *const *argv, vm_address_t *startup)
{
    static uint8_t page[ARGS_MAX] __attribute__((aligned(16)));
    mach_vm_address_t low = STACK_HINT;

    kern_return_t kr = mach_vm_allocate(task, &low, PAGE_SIZE + STACK_SIZE, VM_FLAGS_ANYWHERE);
    if (kr != KERN_SUCCESS)
        return kr;
    kr = mach_vm_protect(task, low, PAGE_SIZE, FALSE, VM_PROT_NONE);
    if (kr != KERN_SUCCESS)
        return kr;
    vm_address_t base = low + PAGE_SIZE + STACK_SIZE - ARGS_MAX;
    kr = build_startup(page, base, argc, argv);
    if (kr != KERN_SUCCESS)
        return kr;
    *startup = base;
    return write_memory(task, base, page, sizeof(page));
}

kern_return_t loader_load(task_t task, const struct archive_file *file, int argc, const char *const *argv,
                          vm_address_t *entry, vm_address_t *stack, vm_address_t *startup)
{
    kern_return_t kr = load_segments(task, file, entry);

    if (kr == KERN_SUCCESS)
        kr = make_stack(task, argc, argv, startup);
    if (kr == KERN_SUCCESS)
        *stack = *startup; /* page aligned: the stack grows down from below the arguments */
    return kr;
}
