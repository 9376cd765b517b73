/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies between kernel and user memory.  The user side uses LDTR/STTR, which access with the rights of EL0
 * whatever PAN says: a page that the user can't reach faults, and no window has to be opened.  A fault
 * between arch_copy_begin and arch_copy_fault continues at the latter (vectors.S).
 */
    .text
    .balign 64
    .global arch_copy_begin, arch_copy_fault, arch_copyin, arch_copyout
arch_copy_begin:

/* enum hal_status arch_copyin(void *dst, hal_va_t src, size_t n) */
arch_copyin:
    subs x2, x2, #64
    b.lo 2f
1:  ldtr x3, [x1]
    ldtr x4, [x1, #8]
    ldtr x5, [x1, #16]
    ldtr x6, [x1, #24]
    ldtr x7, [x1, #32]
    ldtr x8, [x1, #40]
    ldtr x9, [x1, #48]
    ldtr x10, [x1, #56]
    stp x3, x4, [x0]
    stp x5, x6, [x0, #16]
    stp x7, x8, [x0, #32]
    stp x9, x10, [x0, #48]
    add x1, x1, #64
    add x0, x0, #64
    subs x2, x2, #64
    b.hs 1b
2:  tbz x2, #5, 3f                      // the low bits of x2 are those of what is left
    ldtr x3, [x1]
    ldtr x4, [x1, #8]
    ldtr x5, [x1, #16]
    ldtr x6, [x1, #24]
    add x1, x1, #32
    stp x3, x4, [x0], #16
    stp x5, x6, [x0], #16
3:  tbz x2, #4, 4f
    ldtr x3, [x1]
    ldtr x4, [x1, #8]
    add x1, x1, #16
    stp x3, x4, [x0], #16
4:  tbz x2, #3, 5f
    ldtr x3, [x1]
    add x1, x1, #8
    str x3, [x0], #8
5:  tst x2, #7
    b.eq 8f
    tbz x2, #2, 6f
    ldtr w3, [x1]
    add x1, x1, #4
    str w3, [x0], #4
6:  tbz x2, #1, 7f
    ldtrh w3, [x1]
    add x1, x1, #2
    strh w3, [x0], #2
7:  tbz x2, #0, 8f
    ldtrb w3, [x1]
    strb w3, [x0]
8:  mov w0, #0
    ret

/* enum hal_status arch_copyout(hal_va_t dst, const void *src, size_t n) */
arch_copyout:
    subs x2, x2, #64
    b.lo 2f
1:  ldp x3, x4, [x1]
    ldp x5, x6, [x1, #16]
    ldp x7, x8, [x1, #32]
    ldp x9, x10, [x1, #48]
    sttr x3, [x0]
    sttr x4, [x0, #8]
    sttr x5, [x0, #16]
    sttr x6, [x0, #24]
    sttr x7, [x0, #32]
    sttr x8, [x0, #40]
    sttr x9, [x0, #48]
    sttr x10, [x0, #56]
    add x1, x1, #64
    add x0, x0, #64
    subs x2, x2, #64
    b.hs 1b
2:  tbz x2, #5, 3f
    ldp x3, x4, [x1], #16
    ldp x5, x6, [x1], #16
    sttr x3, [x0]
    sttr x4, [x0, #8]
    sttr x5, [x0, #16]
    sttr x6, [x0, #24]
    add x0, x0, #32
3:  tbz x2, #4, 4f
    ldp x3, x4, [x1], #16
    sttr x3, [x0]
    sttr x4, [x0, #8]
    add x0, x0, #16
4:  tbz x2, #3, 5f
    ldr x3, [x1], #8
    sttr x3, [x0]
    add x0, x0, #8
5:  tst x2, #7
    b.eq 8f
    tbz x2, #2, 6f
    ldr w3, [x1], #4
    sttr w3, [x0]
    add x0, x0, #4
6:  tbz x2, #1, 7f
    ldrh w3, [x1], #2
    sttrh w3, [x0]
    add x0, x0, #2
7:  tbz x2, #0, 8f
    ldrb w3, [x1]
    sttrb w3, [x0]
8:  mov w0, #0
    ret

arch_copy_fault:
    mov w0, #1                          // HAL_FAULT
    ret
