/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switching stacks.  The switch itself saves the callee-saved registers of the host's ABI on the stack that it leaves.
 * The sanitizers must be told: ASan where the stack is, TSan that another fiber runs now.  TSan takes a switch for
 * synchronisation of the two.  That hides no race between CPUs: a CPU saves a thread's registers after it was left, which the
 * next CPU loads before it goes on with the thread, and these two nothing but the kernel orders.
 */
#include "context.h"

#include "../machine.h"

#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096u

#if defined(__x86_64__)
#define SAVED_FP 5u
#define START_ENTRY 3u
#define START_ARG 2u
__asm__(".text\n"
        ".globl sim_stack_switch\n"
        ".type sim_stack_switch, @function\n"
        "sim_stack_switch:\n\t"
        "pushq %rbp\n\tpushq %rbx\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n\t"
        "movq %rsp, (%rdi)\n\tmovq %rsi, %rsp\n\t"
        "popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbx\n\tpopq %rbp\n\tretq\n"
        ".size sim_stack_switch, . - sim_stack_switch\n"
        ".type sim_stack_start, @function\n"
        "sim_stack_start:\n\t"
        "movq %r13, %rdi\n\tcallq *%r12\n\tud2\n"
        ".size sim_stack_start, . - sim_stack_start\n");
#elif defined(__aarch64__)
#define SAVED_FP 10u
#define START_ENTRY 0u
#define START_ARG 1u
__asm__(".text\n"
        ".globl sim_stack_switch\n"
        ".type sim_stack_switch, @function\n"
        "sim_stack_switch:\n\t"
        "sub sp, sp, #160\n\t"
        "stp x19, x20, [sp]\n\tstp x21, x22, [sp, #16]\n\tstp x23, x24, [sp, #32]\n\t"
        "stp x25, x26, [sp, #48]\n\tstp x27, x28, [sp, #64]\n\tstp x29, x30, [sp, #80]\n\t"
        "stp d8, d9, [sp, #96]\n\tstp d10, d11, [sp, #112]\n\tstp d12, d13, [sp, #128]\n\t"
        "stp d14, d15, [sp, #144]\n\t"
        "mov x9, sp\n\tstr x9, [x0]\n\tmov sp, x1\n\t"
        "ldp x19, x20, [sp]\n\tldp x21, x22, [sp, #16]\n\tldp x23, x24, [sp, #32]\n\t"
        "ldp x25, x26, [sp, #48]\n\tldp x27, x28, [sp, #64]\n\tldp x29, x30, [sp, #80]\n\t"
        "ldp d8, d9, [sp, #96]\n\tldp d10, d11, [sp, #112]\n\tldp d12, d13, [sp, #128]\n\t"
        "ldp d14, d15, [sp, #144]\n\t"
        "add sp, sp, #160\n\tret\n"
        ".size sim_stack_switch, . - sim_stack_switch\n"
        ".type sim_stack_start, @function\n"
        "sim_stack_start:\n\t"
        "mov x0, x20\n\tblr x19\n\tbrk #0\n"
        ".size sim_stack_start, . - sim_stack_start\n");
#else
#error "no stack switch for this host"
#endif

void sim_stack_start(void);

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* Frames on abandoned stacks are never left in order: no fake stacks for them, and nothing on them is a leak. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_stack_use_after_return=0:detect_leaks=0";
}
#endif
#if __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#endif

/* Who switched last: completes the switch on arrival. */
static ARCH_CPU_LOCAL struct sim_context *switch_from;
static ARCH_CPU_LOCAL struct sim_context *switch_to;

/* Not inlined: the address of what a host thread has its own of may not be kept over a switch. */
static __attribute__((noinline)) void arrived(void)
{
#if __has_feature(address_sanitizer)
    __sanitizer_finish_switch_fiber(switch_to->fake_stack, &switch_from->bottom, &switch_from->size);
#endif
}

struct start {
    void (*entry)(void *arg);
    void *arg;
};

/* In the lowest words of the stack: where a new context finds what to call. */
static void context_main(void *p)
{
    struct start start = *(struct start *)p;

    arrived();
    start.entry(start.arg);
    abort();
}

void sim_context_init(struct sim_context *c)
{
    if (c->stack != NULL)
        return;
    c->stack = mmap(NULL, SIM_STACK_SIZE + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c->stack == MAP_FAILED || mprotect(c->stack, PAGE, PROT_NONE) != 0)
        abort();
    c->stack += PAGE;
    c->bottom = c->stack;
    c->size = SIM_STACK_SIZE;
}

void sim_context_start(struct sim_context *c, void (*entry)(void *arg), void *arg)
{
#if __has_feature(address_sanitizer)
    __asan_unpoison_memory_region(c->stack, SIM_STACK_SIZE);
    c->fake_stack = NULL;
#endif
#if __has_feature(thread_sanitizer)
    if (c->fiber != NULL)
        __tsan_destroy_fiber(c->fiber);
    c->fiber = __tsan_create_fiber(0);
#endif
    struct start *start = (struct start *)(void *)c->stack;
    *start = (struct start){entry, arg};
    c->sp = (uint64_t *)(void *)(c->stack + SIM_STACK_SIZE) - SIM_SAVED_WORDS - 1;
    if (((uintptr_t)(c->sp + SIM_SAVED_WORDS) & 15) != 0)
        c->sp--;
    for (unsigned i = 0; i < SIM_SAVED_WORDS; i++)
        c->sp[i] = 0;
    c->sp[SIM_SAVED_PC] = (uint64_t)(uintptr_t)sim_stack_start;
    c->sp[START_ENTRY] = (uint64_t)(uintptr_t)context_main;
    c->sp[START_ARG] = (uint64_t)(uintptr_t)start;
}

void sim_context_adopt(struct sim_context *c)
{
#if __has_feature(thread_sanitizer)
    c->fiber = __tsan_get_current_fiber();
#else
    (void)c;
#endif
}

void sim_context_switch(struct sim_context *from, struct sim_context *to)
{
    switch_from = from;
    switch_to = to;
#if __has_feature(address_sanitizer)
    __sanitizer_start_switch_fiber(&from->fake_stack, to->bottom, to->size);
#endif
#if __has_feature(thread_sanitizer)
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
    sim_stack_switch(&from->sp, to->sp);
    arrived();
}

void sim_context_where(const struct sim_context *c, uint64_t *fp, uint64_t *pc)
{
    *fp = c->sp[SAVED_FP];
    *pc = c->sp[SIM_SAVED_PC];
}
