/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From firmware to C at high addresses, for the boot hart and the others.
 *
 * Nobody maps this code at its physical address.  Translation is switched on with stvec pointing to
 * the continuation at its linked address: the fetch that follows faults and lands there.  A satp mode that the hart
 * does not have leaves satp unchanged (Privileged ISA 4.1.11), so Sv57 is tried first, Sv48 and Sv39 next.
 *
 * Until the switch, addresses formed by lla are physical.
 */
#include <arch/csr.h>
#include <arch/layout.h>

#define EARLY_LEAF 0xcf   /* V R W X A D */
#define EARLY_DATA 0xc7   /* V R W A D */
#define EARLY_TABLE 0x1   /* V */
#define DIRECT_GIB 248    /* ARCH_DIRECT_SIZE */
#define ROOT_DIRECT 256   /* indices of the layout's regions in the table of GiB entries */
#define ROOT_IMAGE 510

/* Go on in mode t0 with the tables at `root`, at stvec; or go on here, if the hart lacks the mode. */
    .macro enter_paging root
    slli    t0, t0, SATP_MODE_SHIFT
    srli    t3, \root, 12
    or      t0, t0, t3
    csrw    satp, t0
    .endm

    .section .head, "ax"
    .global _start
_start:
    /* Header of a Linux RISC-V Image, version 0.2 */
    .option push
    .option norvc
    j       start_boot
    nop
    .option pop
    .quad   ARCH_IMAGE_OFFSET
    .quad   arch_image_size
    .quad   0                       /* flags: little endian */
    .word   2                       /* version 0.2 */
    .word   0
    .quad   0
    .ascii  "RISCV\0\0\0"
    .ascii  "RSC\x05"
    .word   0

    .text
    .balign 4
/* a0 = hart, a1 = physical address of the device tree */
start_boot:
    csrw    sie, zero
    lla     t0, boot_taken
    li      t1, 1
    amoadd.w.aqrl t1, t1, (t0)
    bnez    t1, start_late
    mv      s4, a0
    mv      s1, a1
    lla     s2, _start
    slli    t0, s2, 64 - 21
    bnez    t0, start_misplaced

    lla     t0, arch_bss_start
    lla     t1, arch_image_end
1:  bgeu    t0, t1, 2f
    sd      zero, (t0)
    addi    t0, t0, 8
    j       1b

2:  /* s3 = table of GiB entries: the root of Sv39, one level below the root of Sv48, two below the root of Sv57 */
    lla     s3, early_gib
    li      t0, EARLY_DATA
    li      t1, 1 << 28             /* 1 GiB as a page-table entry counts */
    li      t2, DIRECT_GIB
    addi    t3, s3, 2040
    addi    t3, t3, ROOT_DIRECT * 8 - 2040
1:  sd      t0, (t3)
    add     t0, t0, t1
    addi    t3, t3, 8
    addi    t2, t2, -1
    bnez    t2, 1b

    lla     t1, early_image
    srli    t0, t1, 2
    ori     t0, t0, EARLY_TABLE
    li      t3, ROOT_IMAGE * 8
    add     t3, t3, s3
    sd      t0, (t3)

    srli    t0, s2, 2               /* the image in blocks of 2 MiB, from ARCH_IMAGE_OFFSET on */
    ori     t0, t0, EARLY_LEAF
    addi    t1, t1, (ARCH_IMAGE_OFFSET >> 21) * 8
    lla     t2, arch_image_end
    sub     t2, t2, s2
    li      t3, 1 << 21
    li      t4, 1 << 19
1:  sd      t0, (t1)
    add     t0, t0, t4
    addi    t1, t1, 8
    sub     t2, t2, t3
    bgtz    t2, 1b

    lla     t1, early_top           /* the last entry of each root above leads one level down */
    lla     t2, early_wide_top
    li      t3, 511 * 8
    srli    t0, s3, 2
    ori     t0, t0, EARLY_TABLE
    add     t4, t1, t3
    sd      t0, (t4)
    srli    t0, t1, 2
    ori     t0, t0, EARLY_TABLE
    add     t4, t2, t3
    sd      t0, (t4)

    ld      t0, boot_address
    csrw    stvec, t0
    sfence.vma
    li      t0, SATP_SV39 + 2
    enter_paging t2
    li      t0, SATP_SV39 + 1
    enter_paging t1
    li      t0, SATP_SV39
    enter_paging s3
    j       start_hang              /* no mode */

    .balign 4
start_boot_high:
    lla     t0, arch_trap_entry
    csrw    stvec, t0
    csrw    sscratch, zero
    lla     sp, boot_stack_top
    lla     tp, arch_boot_cpu
    li      fp, 0
    mv      a0, s4
    mv      a1, s1
    mv      a2, s2
    call    arch_boot

/* Loaded at no multiple of 2 MiB: say so through the firmware. */
start_misplaced:
    lla     s0, misplaced_text
1:  lbu     a0, (s0)
    beqz    a0, start_hang
    li      a7, 1
    ecall
    addi    s0, s0, 1
    j       1b
start_hang:
    wfi
    j       start_hang

/*
 * A hart that was still on its way through the firmware when it was started.  OpenSBI 1.1 marks it as started before it
 * notes where, so it may come here, to where the boot hart went.  Its record is complete: it looks for it.
 * a0 = hart
 */
start_late:
    lla     a1, arch_start_record
    li      t2, ARCH_START_RECORDS
1:  ld      t0, 0(a1)               /* satp; 0: not in use */
    ld      t1, 24(a1)
    beqz    t0, 2f
    beq     t1, a0, arch_start_secondary
2:  addi    a1, a1, ARCH_START_SIZE
    addi    t2, t2, -1
    bnez    t2, 1b
    j       start_late

/* Another hart. a0 = hart, a1 = physical address of its struct arch_start */
    .balign 4
    .global arch_start_secondary
arch_start_secondary:
    csrw    sie, zero
    ld      t0, 0(a1)               /* satp */
    ld      sp, 8(a1)
    ld      tp, 16(a1)
    ld      t1, secondary_address
    csrw    stvec, t1
    sfence.vma
    csrw    satp, t0
    j       start_hang

    .balign 4
start_secondary_high:
    lla     t0, arch_trap_entry
    csrw    stvec, t0
    csrw    sscratch, zero
    li      fp, 0
    call    arch_secondary_main
    j       arch_resume

/* noreturn arch_enter(stack_top, argument, upcall): call upcall(argument) on an empty stack, resume what it returns */
    .global arch_enter
arch_enter:
    mv      sp, a0
    li      fp, 0
    mv      a0, a1
    jalr    a2
    j       arch_resume

    .balign 8
boot_address:
    .quad   start_boot_high
secondary_address:
    .quad   start_secondary_high

    .data
    .balign 4
boot_taken:                         /* 1 once the boot hart was here */
    .word   0

    .section .rodata
misplaced_text:
    .asciz  "panic: boot: the kernel is not loaded at a multiple of 2 MiB\r\n--- end of panic ---\r\n"

    .bss
    .balign 4096
early_wide_top:
    .skip   4096
early_top:
    .skip   4096
early_gib:
    .skip   4096
early_image:
    .skip   4096
boot_stack:
    .skip   16384
boot_stack_top:
