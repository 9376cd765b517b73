/* SPDX-License-Identifier: BSD-2-Clause */
/* System registers, barriers and the bits of them that more than one file uses. */
#ifndef ARCH_SYSREG_H
#define ARCH_SYSREG_H

#include <stdint.h>

#define SYSREG_READ(name)                                                                                    \
    ({                                                                                                       \
        uint64_t value_;                                                                                     \
        __asm__ volatile("mrs %0, " #name : "=r"(value_));                                                   \
        value_;                                                                                              \
    })
#define SYSREG_WRITE(name, value) __asm__ volatile("msr " #name ", %x0" ::"rZ"((uint64_t)(value)) : "memory")

#define ARCH_ISB() __asm__ volatile("isb" ::: "memory")
#define ARCH_DSB(domain) __asm__ volatile("dsb " #domain ::: "memory")

/* A four-bit field of an ID register. */
#define SYSREG_FIELD(value, low) ((unsigned)((value) >> (low)) & 0xfu)

#define MPIDR_AFFINITY 0xff00fffffful

/* Exception classes: ESR_EL1.EC (Arm ARM D17.2.37). */
#define ESR_CLASS(esr) ((unsigned)((esr) >> 26) & 0x3fu)
enum arch_exception_class {
    EC_FP_DISABLED = 0x07,
    EC_INSTRUCTION_ABORT = 0x20,
    EC_INSTRUCTION_ABORT_KERNEL = 0x21,
    EC_PC_ALIGNMENT = 0x22,
    EC_DATA_ABORT = 0x24,
    EC_DATA_ABORT_KERNEL = 0x25,
    EC_SP_ALIGNMENT = 0x26,
    EC_FP_EXCEPTION = 0x2c,
    EC_SERROR = 0x2f,
    EC_HW_BREAKPOINT = 0x30,
    EC_SINGLE_STEP = 0x32,
    EC_WATCHPOINT = 0x34,
    EC_BRK = 0x3c,
};

/* CPACR_EL1: who may touch vector state. */
#define CPACR_KERNEL_ONLY (1ul << 20)
#define CPACR_EVERYBODY (3ul << 20)

#endif
