/* SPDX-License-Identifier: BSD-2-Clause */
/* x86_64: the registers of a thread that starts. */
#include <libmach/thread.h>
#include <string.h>

void mach_thread_state_init(thread_state_t state, natural_t *count, vm_address_t pc, vm_address_t sp,
                            uint64_t argument)
{
    memset(state, 0, sizeof(struct x86_64_thread_state));
    *count = X86_64_THREAD_STATE_COUNT;
    mach_thread_state_redirect(state, pc, sp, argument);
}

void mach_thread_state_redirect(thread_state_t state, vm_address_t pc, vm_address_t sp, uint64_t argument)
{
    struct x86_64_thread_state registers;

    memcpy(&registers, state, sizeof(registers));
    registers.rip = pc;
    registers.rsp = sp - 8; /* as after a call: a return address, which is never used, lies on the stack */
    registers.rdi = argument;
    memcpy(state, &registers, sizeof(registers));
}

void mach_thread_state_where(const natural_t *state, vm_address_t *pc, vm_address_t *sp)
{
    struct x86_64_thread_state registers;

    memcpy(&registers, state, sizeof(registers));
    *pc = registers.rip;
    *sp = registers.rsp;
}
