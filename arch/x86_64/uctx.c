/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User contexts.  Nothing that a user chooses may fault when the context is resumed: SYSRET and IRET fault on
 * a return address that is not canonical, WRMSR on such an FS base, and IRET would load privileged flags.
 */
#include <arch/layout.h>
#include <arch/x86.h>
#include <hal/hal.h>
#include <mach/x86_64/thread_status.h>

void hal_uctx_init(struct uctx *u, hal_va_t pc, hal_va_t sp, hal_va_t tls, uint64_t arg)
{
    *u = (struct uctx){
        .kind = UCTX_FULL,
        .rip =
            pc < hal_info.user_limit ? pc : hal_info.user_limit, /* never mapped: the thread faults there */
        .rsp = sp,
        .fs_base = tls < hal_info.user_limit ? tls : 0,
        .rdi = arg,
        .rflags = RFLAGS_USER,
    };
}

void hal_uctx_restart(struct uctx *u)
{
    HAL_REQUIRE(u->kind == UCTX_CALL);
    u->rip -= 2; /* the length of SYSCALL; rax still has the number */
}

enum hal_status hal_uctx_set_tls(struct uctx *u, hal_va_t tls)
{
    if (tls >= hal_info.user_limit)
        return HAL_INVALID;
    u->fs_base = tls;
    if (x86_cpu()->current == u) /* its trap may end without another look at it (entry.S) */
        x86_wrmsr(MSR_FS_BASE, tls);
    return HAL_OK;
}

void hal_uctx_where(const struct uctx *u, hal_va_t *pc, hal_va_t *sp)
{
    *pc = u->rip;
    *sp = u->rsp;
}

kern_return_t hal_uctx_get_state(const struct uctx *u, int flavor, uint32_t *state, uint32_t *count)
{
    if (flavor != X86_64_THREAD_STATE || *count < X86_64_THREAD_STATE_COUNT)
        return KERN_INVALID_ARGUMENT;
    struct x86_64_thread_state s = {
        .rax = u->rax,
        .rbx = u->rbx,
        .rbp = u->rbp,
        .rsp = u->rsp,
        .r12 = u->r12,
        .r13 = u->r13,
        .r14 = u->r14,
        .r15 = u->r15,
        .rip = u->rip,
        .rflags = RFLAGS_USER,
        .fs_base = u->fs_base,
    };
    if (u->kind != UCTX_RESULT) {
        s.rdi = u->rdi;
        s.rsi = u->rsi;
        s.rdx = u->rdx;
        s.r8 = u->r8;
        s.r9 = u->r9;
        s.r10 = u->r10;
    }
    if (u->kind == UCTX_FULL) {
        s.rcx = u->rcx;
        s.r11 = u->r11;
        s.rflags = u->rflags;
    }
    __builtin_memcpy(state, &s, sizeof s);
    *count = X86_64_THREAD_STATE_COUNT;
    return KERN_SUCCESS;
}

kern_return_t hal_uctx_set_state(struct uctx *u, int flavor, const uint32_t *state, uint32_t count)
{
    struct x86_64_thread_state s;

    if (flavor != X86_64_THREAD_STATE || count != X86_64_THREAD_STATE_COUNT)
        return KERN_INVALID_ARGUMENT;
    __builtin_memcpy(&s, state, sizeof s);
    if (s.rip >= hal_info.user_limit || s.rsp > hal_info.user_limit || s.fs_base >= hal_info.user_limit)
        return KERN_INVALID_ARGUMENT;
    *u = (struct uctx){
        .kind = UCTX_FULL,
        .rax = s.rax,
        .rbx = s.rbx,
        .rcx = s.rcx,
        .rdx = s.rdx,
        .rdi = s.rdi,
        .rsi = s.rsi,
        .rbp = s.rbp,
        .rsp = s.rsp,
        .r8 = s.r8,
        .r9 = s.r9,
        .r10 = s.r10,
        .r11 = s.r11,
        .r12 = s.r12,
        .r13 = s.r13,
        .r14 = s.r14,
        .r15 = s.r15,
        .rip = s.rip,
        .rflags = (s.rflags & RFLAGS_USER_MASK) | RFLAGS_USER,
        .fs_base = s.fs_base,
    };
    return KERN_SUCCESS;
}
