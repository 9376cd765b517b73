/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/boot/boot.h>
#include <hal/boot/mem.h>
#include <hal/drivers/pvh_boot.h>
#include <hal/pt.h>

#define PA_END (1ull << 46) /* what the direct map has room for */

#define START_MAGIC 0x336ec578u
#define START_ENTRIES_MAX 256u
#define MEMORY_RAM 1u

/* Xen include/public/arch-x86/hvm/start_info.h */
struct start_info {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
    uint32_t module_count;
    uint64_t modules;
    uint64_t cmdline;
    uint64_t rsdp;
    uint64_t memory_map; /* this and the rest: version 1 and later */
    uint32_t memory_map_count;
    uint32_t reserved;
};

struct start_module {
    uint64_t address, size, cmdline, reserved;
};

struct start_memory {
    uint64_t address, size;
    uint32_t type, reserved;
};

static uint64_t readable; /* end of the memory that can be read */

/* `size` bytes of the loader at physical address `pa`. */
static const void *loader_bytes(uint64_t pa, uint64_t size, const char *what)
{
    if (pa == 0 || pa >= readable || size > readable - pa)
        boot_panic("%s at %x is out of reach", what, pa);
    return hal_pa_to_ptr(HAL_PA(pa));
}

static void cmdline_read(uint64_t pa)
{
    const char *text = loader_bytes(pa, HAL_CMDLINE_MAX, "the command line");
    unsigned length = 0;

    for (; length < HAL_CMDLINE_MAX - 1 && text[length] != '\0'; length++)
        hal_info.cmdline[length] = text[length];
    if (text[length] != '\0')
        boot_print("boot: the command line is longer than %u bytes: cut\n", (uint64_t)length);
}

static void memory_map_read(const struct start_info *start)
{
    uint32_t count = start->memory_map_count;
    struct start_memory entry;

    if (start->version < 1 || count == 0 || count > START_ENTRIES_MAX)
        boot_panic("the loader gives no usable memory map");
    const uint8_t *map = loader_bytes(start->memory_map, count * sizeof entry, "the memory map");
    for (uint32_t i = 0; i < count; i++) {
        __builtin_memcpy(&entry, map + i * sizeof entry, sizeof entry);
        if (entry.type != MEMORY_RAM || entry.address >= PA_END)
            continue;
        uint64_t room = PA_END - entry.address;
        boot_mem_add(HAL_PA(entry.address), entry.size < room ? entry.size : room);
    }
}

/* Is [base, base + size) all RAM? */
static bool is_ram(uint64_t base, uint64_t size)
{
    struct boot_range r;

    for (uint32_t i = 0; boot_mem_ram(i, &r); i++) {
        if (base >= r.base && base < r.end && size <= r.end - base)
            return true;
    }
    return false;
}

static void archive_read(uint64_t pa)
{
    struct start_module module;

    __builtin_memcpy(&module, loader_bytes(pa, sizeof module, "the module list"), sizeof module);
    if (!is_ram(module.address, module.size)) {
        boot_print("boot: the boot archive at %x lies outside memory: ignored\n", module.address);
        return;
    }
    hal_info.archive_base = HAL_PA(module.address);
    hal_info.archive_size = module.size;
    boot_mem_reserve(hal_info.archive_base, hal_info.archive_size);
}

uint64_t pvh_boot_read(uint64_t start_info, uint64_t end)
{
    struct start_info start;

    readable = end;
    __builtin_memcpy(&start, loader_bytes(start_info, sizeof start, "the start info"), sizeof start);
    if (start.magic != START_MAGIC)
        boot_panic("the loader does not follow the PVH protocol");
    if (start.cmdline != 0)
        cmdline_read(start.cmdline);
    memory_map_read(&start);
    if (start.module_count > 0)
        archive_read(start.modules);
    return start.rsdp;
}
