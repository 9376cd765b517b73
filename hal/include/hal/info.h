/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about the machine: data, not functions.  The HAL fills `hal_info` before it calls kern_boot()
 * and never changes it afterwards.
 */
#ifndef HAL_INFO_H
#define HAL_INFO_H

#include <hal/types.h>

#define HAL_MEM_RANGES_MAX 32u
#define HAL_CMDLINE_MAX 1024u
#define HAL_TAKEN_RANGES_MAX 192u /* more than there can be of RAM and of devices while booting */

/* Free physical memory: page aligned, sorted by base, disjoint, nothing in it is in use. */
struct hal_mem_range {
    hal_pa_t base;
    uint64_t size; /* bytes, a multiple of HAL_PAGE_SIZE, > 0 */
};

/* What the firmware tells about devices. */
enum hal_tables {
    HAL_TABLES_NONE,
    HAL_TABLES_FDT,  /* a flattened device tree, in RAM but in no range of mem[] */
    HAL_TABLES_ACPI, /* the root pointer of ACPI's tables */
};

struct hal_info {
    const char *isa;   /* "x86_64", "aarch64", "riscv64" */
    const char *board; /* name of the folder in hal/boards */

    uint32_t cpu_count; /* 1 .. HAL_CPU_MAX; indices 0 .. cpu_count - 1; the boot CPU has index 0 */

    uint32_t mem_count;
    struct hal_mem_range mem[HAL_MEM_RANGES_MAX];
    hal_pa_t
        mem_limit; /* first byte above all RAM; the direct map covers [0, mem_limit) where there is RAM */

    /* Physical memory that no driver outside of the kernel may map: all RAM, used or not, and the registers of the devices
     * that the HAL drives. Page aligned, in no order. */
    uint32_t taken_count;
    struct hal_mem_range taken[HAL_TAKEN_RANGES_MAX];

    enum hal_tables tables_kind;
    hal_pa_t tables;      /* where they begin; HAL_TABLES_NONE: 0 */
    uint64_t tables_size; /* bytes of the device tree; else 0 */

    /* The boot archive (cpio newc), in no range of mem[].  size == 0: there is none. The kernel may free
     * the whole pages of [page-rounded-down base, page-rounded-up end) once it has no more use for it. */
    hal_pa_t archive_base;
    uint64_t archive_size;

    char cmdline[HAL_CMDLINE_MAX]; /* NUL-terminated */

    uint64_t time_hz; /* frequency of hal_time_now() */

    uint32_t pt_levels;   /* 3 .. HAL_PT_MAX_LEVELS; level pt_levels - 1 is the root */
    uint32_t leaf_levels; /* bit l set: a leaf may stand at level l (bit 0 always set) */
    hal_va_t user_base;   /* user mappings lie in [user_base, user_limit), both page aligned */
    hal_va_t user_limit;
    uint32_t asid_bits; /* 0: the TLB has no address-space identifiers */
    bool tlb_broadcast; /* hal_tlb_flush_* reach every CPU by themselves */
    uint32_t irq_count; /* device lines 0 .. irq_count - 1; <= HAL_IRQ_MAX */
    /* Lines irq_message_first .. irq_count - 1 have no wire: a device raises line n, an edge for CPU 0, by writing the 32-bit
     * word irq_message_data + n to irq_message_address. */
    uint32_t irq_message_first;
    uint32_t irq_message_data;
    hal_pa_t irq_message_address;
    uint32_t fpu_size; /* bytes of a vector-state area; alignment 64 */
};

extern struct hal_info hal_info;

#endif
