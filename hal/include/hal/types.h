/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Types and constants of the hardware abstraction layer.
 *
 * Three kinds of address that do not convert into one another by accident:
 *   hal_pa_t   a physical address (a struct, so it mixes with nothing),
 *   hal_va_t   a user virtual address (an integer),
 *   void *     a kernel virtual address.
 */
#ifndef HAL_TYPES_H
#define HAL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __FRAMAC__
#define HAL_NORETURN
#define HAL_NODISCARD
#else
#define HAL_NORETURN _Noreturn
#define HAL_NODISCARD __attribute__((warn_unused_result))
#endif

/* A physical address in bytes. */
typedef struct hal_pa {
    uint64_t addr;
} hal_pa_t;

typedef uint64_t hal_va_t;    /* user virtual address, bytes */
typedef uint64_t hal_pte_t;   /* one page-table entry, in the format of the ISA */
typedef uint64_t hal_ticks_t; /* hal_info.time_hz ticks a second, monotonic, the same on every CPU */
typedef uint16_t hal_asid_t;  /* address-space identifier, 0 .. 2^hal_info.asid_bits - 1 */
typedef uint32_t hal_irq_t;   /* interrupt line, or one of HAL_IRQ_* */

enum hal_status {
    HAL_OK = 0,
    HAL_FAULT,       /* a user address could not be read or written */
    HAL_INVALID,     /* an argument is outside its range */
    HAL_UNSUPPORTED, /* this machine can't */
};

#define HAL_PAGE_SHIFT 12u
#define HAL_PAGE_SIZE 4096u
#define HAL_PT_ENTRIES 512u /* entries of a page table at every level */
#define HAL_PT_SHIFT 9u
#define HAL_PT_MAX_LEVELS 5u

#define HAL_CPU_MAX 64u /* most CPUs that this kernel starts */
#define HAL_IRQ_MAX 1024u
#define HAL_ASID_ALL UINT16_MAX /* for hal_tlb_flush_asid() */

#define HAL_PA(address) ((hal_pa_t){(address)})

/*@ predicate hal_frame(hal_pa_t pa) = pa.addr % 4096 == 0; */

#endif
