/* SPDX-License-Identifier: BSD-2-Clause */
/* q0 - q31, FPSR and FPCR to and from a vector-state area (struct arch_fpu_area, fpu.c). */
    .arch armv8-a+simd
    .text
    .global arch_fpu_store, arch_fpu_fetch, arch_fast_fpu_store, arch_fast_fpu_fetch

    .macro all_pairs op
    \op q0, q1, [x10]
    \op q2, q3, [x10, #32]
    \op q4, q5, [x10, #64]
    \op q6, q7, [x10, #96]
    \op q8, q9, [x10, #128]
    \op q10, q11, [x10, #160]
    \op q12, q13, [x10, #192]
    \op q14, q15, [x10, #224]
    \op q16, q17, [x10, #256]
    \op q18, q19, [x10, #288]
    \op q20, q21, [x10, #320]
    \op q22, q23, [x10, #352]
    \op q24, q25, [x10, #384]
    \op q26, q27, [x10, #416]
    \op q28, q29, [x10, #448]
    \op q30, q31, [x10, #480]
    .endm

/* void arch_fpu_store(void *area). The fast path has the area in x10; changes x10 - x12. */
arch_fpu_store:
    mov x10, x0
arch_fast_fpu_store:
    all_pairs stp
    mrs x11, fpsr
    mrs x12, fpcr
    add x10, x10, #512
    stp x11, x12, [x10]
    ret

/* void arch_fpu_fetch(const void *area). Likewise. */
arch_fpu_fetch:
    mov x10, x0
arch_fast_fpu_fetch:
    all_pairs ldp
    add x10, x10, #512
    ldp x11, x12, [x10]
    msr fpsr, x11
    msr fpcr, x12
    ret
