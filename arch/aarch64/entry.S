/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the boot loader, or from PSCI, to C at high addresses.
 *
 * The image is a Linux arm64 Image: loaded anywhere in the first 512 GiB, 2 MiB aligned, entered at its first
 * byte with the MMU off, x0 = device tree.  The code here runs at its physical address until mmu_on; it
 * names data by adrp only, so that it doesn't care where that is.
 *
 * One tree of early tables serves both halves: its first entry is an identity map when TTBR0 uses it and the
 * direct map when TTBR1 does, its last one maps the image.  It stays behind as the identity map with
 * which the other CPUs turn on their MMU.
 *
 * A CPU with FEAT_LPA2 has tables of five levels (52 bits).  Of a root it then reads the first 16 entries by TTBR0, and those
 * from where TTBR1 points: the last 16, so that the kernel's addresses have the indices that their bits say.
 */
#include <arch/layout.h>
#include <arch/offsets.h>

#define BLOCK_ATTR 0x701                /* valid, normal memory, inner shareable, accessed */
#define BLOCK_ATTR_LPA2 0x401           /* TCR_EL1 says how it is shared */
#define BLOCK_UXN (1 << (54 - 48))      /* in bits 63:48 */
#define TABLE_ATTR 3

/* MAIR_EL1: 0 normal write-back, 1 Device-nGnRnE (arch/pte.h). */
#define MAIR 0x00ff

/* TCR_EL1: both halves 48 bits (T0SZ, T1SZ 16), 4 KiB granule, write-back inner-shareable walks, ASID from TTBR0. */
#define TCR_LOW (16 | 1 << 8 | 1 << 10 | 3 << 12 | 16 << 16 | 1 << 24 | 1 << 26 | 3 << 28 | 2 << 30)
#define TCR_IPS_SHIFT 32
#define TCR_AS (1 << (36 - 32))
#define TCR_DS (1 << (59 - 48))         /* five levels: ... */
#define TCR_TSZ_WIDE 12                 /* ... both halves 52 bits */

/*
 * SCTLR_EL1.  Bits that are RES1 in ARMv8.0 are set, but for SPAN (23): clear, an exception sets PAN.
 * OFF is the MMU-less state; ON adds M, C, I, and what user code may do: DC ZVA, CTR_EL0, WFI, WFE, cache
 * maintenance by address.
 */
#define SCTLR_OFF (1 << 29 | 1 << 28 | 1 << 22 | 1 << 20 | 1 << 11 | 1 << 8 | 1 << 7)
#define SCTLR_USER (1 << 14 | 1 << 15 | 1 << 16 | 1 << 18 | 1 << 26)
#define SCTLR_ON (SCTLR_OFF | 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 12 | SCTLR_USER)

#define HCR_EL2_RW (1 << 31)
#define HCR_EL2_PAC (3 << (40 - 32))    /* pointer authentication is not trapped */
#define CPTR_EL2_NO_TRAPS 0x33ff
#define SPSR_EL1H_MASKED 0x3c5

    .macro load reg, value
    movz \reg, #((\value) & 0xffff)
    movk \reg, #(((\value) >> 16) & 0xffff), lsl #16
    .endm

    /* Equal: the granule of 4 KiB has 52 bits (ID_AA64MMFR0_EL1.TGran4 is 1). */
    .macro has_lpa2 scratch
    mrs \scratch, id_aa64mmfr0_el1
    ubfx \scratch, \scratch, #28, #4
    cmp \scratch, #1
    .endm

    .macro address reg, symbol
    adrp \reg, \symbol
    add \reg, \reg, :lo12:\symbol
    .endm

    .section .head, "ax"
    .global _start
_start:
    b boot_cpu_entry
    .long 0
    .quad 0                             // text offset
    .quad image_size
    .quad 0xa                           // little endian, 4 KiB pages, anywhere in RAM
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .long 0

    .text
boot_cpu_entry:
    mov x19, x0
    bl drop_to_el1
    bl clear_bss
    bl build_early_tables
    address x0, early_l0
    mov x1, x0
    has_lpa2 x2
    b.ne 1f
    address x0, early_wide
    add x1, x0, #ARCH_WIDE_TTBR1
1:  bl mmu_on
    address x20, _start                 // still the physical address
    ldr x2, =boot_cpu_high
    br x2
boot_cpu_high:
    ldr x2, =boot_stack_top
    mov sp, x2
    mov x29, #0
    mov x0, x19
    mov x1, x20
    bl arch_boot                        // does not return

/* PSCI starts the other CPUs here. x0 = the CPU's struct hal_cpu. */
    .global secondary_entry
secondary_entry:
    mov x19, x0
    bl drop_to_el1
    address x2, arch_boot_regs
    ldr x0, [x2, #BOOT_IDENTITY]
    ldr x1, [x2, #BOOT_KERNEL]
    bl mmu_on
    ldr x2, =secondary_high
    br x2
secondary_high:
    msr tpidr_el1, x19
    ldr x2, [x19, #CPU_STACK]
    mov sp, x2
    mov x29, #0
    mov x0, x19
    bl arch_secondary_main
    b arch_uctx_resume

/* Leave EL2, if we are there, with nothing of EL1 trapped and the virtual counter equal to the physical. */
drop_to_el1:
    load x0, SCTLR_OFF
    mrs x1, CurrentEL
    cmp x1, #(2 << 2)
    b.eq 1f
    msr sctlr_el1, x0
    isb
    ret
1:  movz x1, #(HCR_EL2_RW >> 16), lsl #16
    movk x1, #HCR_EL2_PAC, lsl #32
    msr hcr_el2, x1
    isb
    msr sctlr_el1, x0
    mov x1, #3                          // EL1 reads the counters and uses the timers
    msr cnthctl_el2, x1
    msr cntvoff_el2, xzr
    load x1, CPTR_EL2_NO_TRAPS
    msr cptr_el2, x1
    msr hstr_el2, xzr
    msr vttbr_el2, xzr
    mrs x1, midr_el1
    msr vpidr_el2, x1
    mrs x1, mpidr_el1
    msr vmpidr_el2, x1
    mrs x1, id_aa64dfr0_el1             // MDCR_EL2.HPMN: all event counters are EL1's
    ubfx x2, x1, #8, #4
    mov x1, #0
    sub x3, x2, #1
    cmp x3, #(0xf - 1)                  // PMUVer 0: no PMU; 0xf: not the architected one
    b.hs 2f
    mrs x1, pmcr_el0
    ubfx x1, x1, #11, #5
2:  msr mdcr_el2, x1
    mrs x1, id_aa64pfr0_el1
    ubfx x1, x1, #24, #4
    cbz x1, 3f
    mrs x1, icc_sre_el2                 // GICv3: system registers, for EL1 too
    mov x2, #9                          // SRE, Enable
    orr x1, x1, x2
    msr icc_sre_el2, x1
    isb
    msr ich_hcr_el2, xzr
3:  mov x1, #SPSR_EL1H_MASKED
    msr spsr_el2, x1
    msr elr_el2, x30
    eret

clear_bss:
    address x0, bss_start
    address x1, bss_end
1:  cmp x0, x1
    b.hs 2f
    stp xzr, xzr, [x0], #16
    b 1b
2:  ret

/* Map the image, at its link address and at its physical one. */
build_early_tables:
    address x0, early_l0
    address x1, early_low_l1
    orr x2, x1, #TABLE_ATTR
    str x2, [x0]
    address x3, early_high_l1
    orr x2, x3, #TABLE_ATTR
    str x2, [x0, #(511 * 8)]
    address x4, early_image_l2
    orr x2, x4, #TABLE_ATTR
    str x2, [x3, #(510 * 8)]

    address x5, early_wide              // the root above, with five levels
    orr x2, x0, #TABLE_ATTR
    str x2, [x5]
    str x2, [x5, #(511 * 8)]

    address x5, _start
    address x6, image_end
    mov x7, #BLOCK_ATTR
    mov x8, #BLOCK_ATTR_LPA2
    has_lpa2 x2
    csel x7, x8, x7, eq
    movk x7, #BLOCK_UXN, lsl #48
    orr x2, x5, x7
1:  str x2, [x4], #8                    // 2 MiB blocks of the image
    add x2, x2, #0x200000
    add x5, x5, #0x200000
    cmp x5, x6
    b.lo 1b

    address x5, _start
    lsr x5, x5, #30
    sub x6, x6, #1
    lsr x6, x6, #30
2:  orr x2, x7, x5, lsl #30             // 1 GiB blocks around it
    str x2, [x1, x5, lsl #3]
    add x5, x5, #1
    cmp x5, x6
    b.ls 2b

    // All this was written past the caches: nothing stale may stay in them.
    address x0, bss_start
    address x1, bss_end
    dmb sy
3:  dc ivac, x0
    add x0, x0, #16                     // no line is shorter
    cmp x0, x1
    b.lo 3b
    dsb sy
    ret

/* x0 = TTBR0 (must map this code), x1 = TTBR1. */
mmu_on:
    mov x2, #MAIR
    msr mair_el1, x2
    load x2, TCR_LOW
    mrs x3, id_aa64mmfr0_el1
    and x4, x3, #0xf                    // PARange, at most 48 bits
    cmp x4, #5
    b.ls 1f
    mov x4, #5
1:  orr x2, x2, x4, lsl #TCR_IPS_SHIFT
    ubfx x4, x3, #4, #4                 // ASIDBits
    cmp x4, #2
    b.ne 2f
    mov x4, #TCR_AS
    orr x2, x2, x4, lsl #32
2:  has_lpa2 x4
    b.ne 3f
    mov x4, #TCR_TSZ_WIDE
    bfi x2, x4, #0, #6                  // T0SZ
    bfi x2, x4, #16, #6                 // T1SZ
    mov x4, #TCR_DS
    orr x2, x2, x4, lsl #48
3:  msr tcr_el1, x2
    msr ttbr0_el1, x0
    msr ttbr1_el1, x1
    isb
    tlbi vmalle1
    ic iallu
    dsb nsh
    isb
    load x2, SCTLR_ON
    msr sctlr_el1, x2
    isb
    ret

/*
 * void arch_tables_switch(uint64_t root): use the final kernel tables.  They map what the early ones do
 * with other block sizes, so no moment may see both (break before make): this runs in the identity map
 * while TTBR1 is empty.
 */
    .global arch_tables_switch
arch_tables_switch:
    address x1, arch_empty_table
    address x2, _start
    address x3, arch_image_pa
    ldr x3, [x3]
    sub x3, x3, x2                      // physical - linked
    add x1, x1, x3
    adr x5, 2f
    adr x4, 1f
    add x4, x4, x3
    br x4
1:  msr ttbr1_el1, x1
    isb
    tlbi vmalle1
    dsb nsh
    isb
    msr ttbr1_el1, x0
    isb
    br x5
2:  msr ttbr0_el1, x1                   // no identity map from here on
    isb
    tlbi vmalle1
    dsb nsh
    isb
    ret

/* arch_stack_call(stack_top, function, argument): call it on that stack, resume what it returns. */
    .global arch_stack_call
arch_stack_call:
    mov sp, x0
    mov x29, #0
    mov x0, x2
    blr x1
    b arch_uctx_resume

    .bss
    .balign 4096
    .global early_low_l1, early_high_l1, arch_empty_table
early_wide: .space 4096
early_l0: .space 4096
early_low_l1: .space 4096
early_high_l1: .space 4096
early_image_l2: .space 4096
arch_empty_table: .space 4096
    .space 16384
boot_stack_top:
