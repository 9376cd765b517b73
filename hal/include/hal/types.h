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

/*
 * Contracts.  PRE_f(arguments) is the precondition of function f, POST_f(result, arguments) what it promises, in the
 * expressions that C and ACSL share: the ACSL contract states them for proofs, and checked builds test them at
 * every call by machine-independent code (hal/checked.h).  What they say of the past is in the CPU's `struct hal_contract`,
 * which exists in checked builds and in proofs.
 */
struct hal_contract {
    bool claimed;    /* between hal_irq_claim() and hal_irq_complete() */
    hal_irq_t irq;   /* the one that is claimed */
    hal_ticks_t now; /* what hal_time_now() returned last */
};

#ifdef KERN_CHECKED
#define HAL_CONTRACT_FIELD struct hal_contract contract; /* the last member of the ISA's struct hal_cpu */
#else
#define HAL_CONTRACT_FIELD
#endif
#ifdef __FRAMAC__
extern struct hal_contract hal_contract_model;
#define HAL_CONTRACT (&hal_contract_model)
#else
#define HAL_CONTRACT (&((struct hal_cpu *)hal_cpu_self())->contract)
#endif

#endif
