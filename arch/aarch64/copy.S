/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies between kernel and user memory.  The user side uses LDTR/STTR, which access with the rights of EL0
 * whatever PAN says: a page that the user can't reach faults, and no window has to be opened.  A fault
 * between arch_copy_begin and arch_copy_fault continues at the latter (vectors.S).
 */
#define MESSAGE_HEAD 24                 // asserted in fast_functions.h, as the next one
#define MESSAGE_TRAILER 8

/* From x1 to x0.  in: x1 is the user's, else x0. */
    .macro move_one in, from_user, to, from, to_user, reg, at
    .if \in
    \from_user \reg, [x1, #(\at)]
    \to \reg, [x0, #(\at)]
    .else
    \from \reg, [x1, #(\at)]
    \to_user \reg, [x0, #(\at)]
    .endif
    .endm

    .macro move_pair in, first, second, at
    .if \in
    ldtr \first, [x1, #(\at)]
    ldtr \second, [x1, #(\at + 8)]
    stp \first, \second, [x0, #(\at)]
    .else
    ldp \first, \second, [x1, #(\at)]
    sttr \first, [x0, #(\at)]
    sttr \second, [x0, #(\at + 8)]
    .endif
    .endm

    .macro move_64 in, at
    move_pair \in, x8, x9, (\at)
    move_pair \in, x10, x11, (\at + 16)
    move_pair \in, x12, x13, (\at + 32)
    move_pair \in, x14, x15, (\at + 48)
    .endm

    .macro advance bytes
    add x0, x0, #\bytes
    add x1, x1, #\bytes
    .endm

/* As many bytes as the bits 5 to 2 of x2 say, `at` bytes behind x0 and x1. */
    .macro move_words in, at
    tbz w2, #5, 4f
    move_pair \in, x8, x9, \at
    move_pair \in, x10, x11, (\at + 16)
    advance 32
4:  tbz w2, #4, 3f
    move_pair \in, x8, x9, \at
    advance 16
3:  tbz w2, #3, 2f
    move_one \in, ldtr, str, ldr, sttr, x8, \at
    advance 8
2:  tbz w2, #2, 1f
    move_one \in, ldtr, str, ldr, sttr, w8, \at
1:
    .endm

    .macro copy in
    subs x2, x2, #64
    b.lo 6f
5:  move_64 \in, 0
    advance 64
    subs x2, x2, #64
    b.hs 5b
6:  move_words \in, 0                  // the low bits of x2 are those of what is left
    tst x2, #3
    b.eq 9f
    tbz w2, #2, 7f
    advance 4
7:  tbz w2, #1, 8f
    move_one \in, ldtrh, strh, ldrh, sttrh, w8, 0
    advance 2
8:  tbz w2, #0, 9f
    move_one \in, ldtrb, strb, ldrb, sttrb, w8, 0
9:  mov w0, #0
    ret
    .endm

    .macro body in                      // of a small message
    tbz w2, #7, 5f
    move_64 \in, MESSAGE_HEAD
    move_64 \in, MESSAGE_HEAD + 64
    advance 128
5:  tbz w2, #6, 6f
    move_64 \in, MESSAGE_HEAD
    advance 64
6:  move_words \in, MESSAGE_HEAD
    mov w0, #0
    ret
    .endm

    .text
    .balign 64
    .global arch_copy_begin, arch_copy_fault, arch_copyin, arch_copyout, arch_message_read, arch_message_write
arch_copy_begin:
arch_copyin:                            // enum hal_status arch_copyin(void *dst, hal_va_t src, size_t n)
    copy 1
arch_copyout:                           // enum hal_status arch_copyout(hal_va_t dst, const void *src, size_t n)
    copy 0

/*
 * Small messages (ipc/ipc_fast_message.h), from x1 to x0: a header and x2 bytes behind it.  They change x0, x1, x8 - x15.
 * read: x6, x7 = the first two words.
 * write: the header has msgh_bits w6, msgh_remote_port w7, msgh_local_port w4, no voucher, and the id of what x1 points to; a plain
 * trailer is behind the message.
 */
arch_message_read:
    ldtr x6, [x1]
    ldtr x7, [x1, #8]
    ldtr x8, [x1, #16]
    stp x6, x7, [x0]
    str x8, [x0, #16]
    body 1
arch_message_write:
    add w8, w2, #MESSAGE_HEAD
    ldr w9, [x1, #20]
    add x10, x0, x2
    mov x11, #(MESSAGE_TRAILER << 32)
    sttr w6, [x0]
    sttr w8, [x0, #4]
    sttr w7, [x0, #8]
    sttr w4, [x0, #12]
    sttr wzr, [x0, #16]
    sttr w9, [x0, #20]
    sttr x11, [x10, #MESSAGE_HEAD]
    body 0

arch_copy_fault:
    mov w0, #1                          // HAL_FAULT
    ret
