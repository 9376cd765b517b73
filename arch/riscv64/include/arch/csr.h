/* SPDX-License-Identifier: BSD-2-Clause */
/* Control and status registers (Privileged ISA 1.12). Also included by assembly. */
#ifndef ARCH_CSR_H
#define ARCH_CSR_H

#define SSTATUS_SIE 0x2
#define SSTATUS_SPIE 0x20
#define SSTATUS_SPP 0x100
#define SSTATUS_VS 0x600
#define SSTATUS_FS 0x6000
#define SSTATUS_SUM 0x40000
#define SSTATUS_MXR 0x80000

#define SIE_SOFTWARE 0x2
#define SIE_TIMER 0x20
#define SIE_EXTERNAL 0x200

#define SATP_SV39 8
#define SATP_MODE_SHIFT 60
#define SATP_ASID_SHIFT 44
#define SATP_ASID_MAX 0x7fff /* bit 15 is not used: arch/pt.h */

#define CAUSE_FETCH_MISALIGNED 0
#define CAUSE_FETCH_ACCESS 1
#define CAUSE_ILLEGAL 2
#define CAUSE_BREAKPOINT 3
#define CAUSE_LOAD_MISALIGNED 4
#define CAUSE_LOAD_ACCESS 5
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_STORE_ACCESS 7
#define CAUSE_ECALL 8
#define CAUSE_FETCH_PAGE 12
#define CAUSE_LOAD_PAGE 13
#define CAUSE_STORE_PAGE 15

#ifndef __ASSEMBLER__
#include <stdint.h>

#define ARCH_CSR_READ(csr)                                                                                   \
    __extension__({                                                                                          \
        uint64_t value_;                                                                                     \
        __asm__ volatile("csrr %0, " #csr : "=r"(value_));                                                   \
        value_;                                                                                              \
    })
#define ARCH_CSR_WRITE(csr, value) __asm__ volatile("csrw " #csr ", %0" ::"rK"((uint64_t)(value)) : "memory")
#define ARCH_CSR_SET(csr, bits) __asm__ volatile("csrs " #csr ", %0" ::"rK"((uint64_t)(bits)) : "memory")
#define ARCH_CSR_CLEAR(csr, bits) __asm__ volatile("csrc " #csr ", %0" ::"rK"((uint64_t)(bits)) : "memory")
#endif

#endif
