/* SPDX-License-Identifier: BSD-2-Clause */
/* Floating-point state: f0 - f31 at 0, fcsr at 256. sstatus.FS is the switch, for user mode and for us. */
#include <arch/csr.h>

    .option arch, +f, +d

.macro FP_ALL op
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    \op     f\n, (\n * 8)(a0)
    .endr
.endm

    .text
    .balign 4
    .global arch_fpu_load
arch_fpu_load:
    li      t0, SSTATUS_FS
    csrs    sstatus, t0
    FP_ALL  fld
    lw      t1, 256(a0)
    fscsr   t1
    ret

    .global arch_fpu_save
arch_fpu_save:
    beqz    a0, 1f
    FP_ALL  fsd
    frcsr   t1
    sw      t1, 256(a0)
1:  li      t0, SSTATUS_FS
    csrc    sstatus, t0
    ret
