/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/boot/board.h>
#include <hal/boot/boot.h>
#include <hal/drivers/fdt_boot.h>

static bool text_equal(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static bool has_device_type(const struct fdt *t, fdt_node_t node, const char *type)
{
    const char *text = fdt_string(t, node, "device_type");

    return text != NULL && text_equal(text, type);
}

/* Returns whether the tree names any. */
static bool add_memory(const struct fdt *t)
{
    bool found = false;

    for (fdt_node_t n = fdt_child_first(t, FDT_ROOT); n != FDT_NONE; n = fdt_sibling_next(t, n)) {
        struct fdt_range r;
        if (!has_device_type(t, n, "memory") || !fdt_enabled(t, n))
            continue;
        for (uint32_t i = 0; fdt_reg(t, n, i, &r); i++) {
            boot_mem_add(HAL_PA(r.base), r.size);
            found = found || r.size > 0;
        }
    }
    return found;
}

static void reserve_regions(const struct fdt *t)
{
    struct fdt_range r;
    struct fdt_prop p;
    fdt_node_t parent = fdt_path(t, "/reserved-memory");

    if (parent == FDT_NONE)
        return;
    for (fdt_node_t n = fdt_child_first(t, parent); n != FDT_NONE; n = fdt_sibling_next(t, n)) {
        bool no_map = fdt_prop(t, n, "no-map", &p);
        for (uint32_t i = 0; fdt_enabled(t, n) && fdt_reg(t, n, i, &r); i++) {
            if (no_map)
                boot_mem_remove(HAL_PA(r.base), r.size);
            else
                boot_mem_reserve(HAL_PA(r.base), r.size);
        }
    }
}

void fdt_boot_memory(const struct fdt *t)
{
    if (!add_memory(t)) {
        if (hal_board.ram.size == 0)
            boot_panic("the device tree names no memory");
        boot_mem_add(hal_board.ram.base, hal_board.ram.size);
    }
    for (uint32_t i = 0; i < t->reserve_count; i++) {
        struct fdt_range r = fdt_reserve(t, i);
        boot_mem_reserve(HAL_PA(r.base), r.size);
    }
    reserve_regions(t);
    if (hal_info.archive_size > 0 && !boot_mem_contains(hal_info.archive_base, hal_info.archive_size)) {
        boot_print("boot: the archive at %x lies outside of memory\n", hal_info.archive_base.addr);
        hal_info.archive_size = 0;
    }
    boot_mem_reserve(hal_info.archive_base, hal_info.archive_size);
}

void fdt_boot_keep(const struct fdt *t, hal_pa_t pa)
{
    boot_mem_reserve(pa, t->size);
    if (!boot_mem_contains(pa, t->size))
        return;
    hal_info.tables_kind = HAL_TABLES_FDT;
    hal_info.tables = pa;
    hal_info.tables_size = t->size;
}

void fdt_boot_chosen(const struct fdt *t)
{
    fdt_node_t chosen = fdt_path(t, "/chosen");
    uint64_t start, end;

    hal_info.cmdline[0] = '\0';
    hal_info.archive_size = 0;
    if (chosen == FDT_NONE)
        return;
    const char *args = fdt_string(t, chosen, "bootargs");
    if (args != NULL) {
        uint32_t n = 0;
        while (args[n] != '\0' && n < HAL_CMDLINE_MAX - 1) {
            hal_info.cmdline[n] = args[n];
            n++;
        }
        hal_info.cmdline[n] = '\0';
        if (args[n] != '\0')
            boot_print("boot: the command line is cut after %u characters\n", (uint64_t)n);
    }
    if (fdt_u64(t, chosen, "linux,initrd-start", &start) && fdt_u64(t, chosen, "linux,initrd-end", &end) &&
        start < end) {
        hal_info.archive_base = HAL_PA(start);
        hal_info.archive_size = end - start;
    }
}

fdt_node_t fdt_boot_cpu_next(const struct fdt *t, fdt_node_t cpu, uint64_t *id)
{
    fdt_node_t cpus = fdt_path(t, "/cpus");
    struct fdt_range r;
    struct fdt_prop method;

    if (cpus == FDT_NONE)
        return FDT_NONE;
    for (cpu = cpu == FDT_NONE ? fdt_child_first(t, cpus) : fdt_sibling_next(t, cpu); cpu != FDT_NONE;
         cpu = fdt_sibling_next(t, cpu)) {
        if (!has_device_type(t, cpu, "cpu") || !fdt_reg_raw(t, cpu, 0, &r))
            continue;
        if (fdt_enabled(t, cpu) || fdt_prop(t, cpu, "enable-method", &method)) {
            *id = r.base;
            return cpu;
        }
    }
    return FDT_NONE;
}

fdt_node_t fdt_boot_console(const struct fdt *t)
{
    fdt_node_t chosen = fdt_path(t, "/chosen");
    const char *path = chosen == FDT_NONE ? NULL : fdt_string(t, chosen, "stdout-path");

    return path == NULL ? FDT_NONE : fdt_path(t, path);
}
