/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries from user mode.  Each comes with the user context complete, works on the current thread, and leaves
 * by the exit; the short way out of a trap that changed nothing is a compare away.
 */
#include <hal/hal.h>
#include <ipc/ipc.h>
#include <ipc/kernel_rpc.h>
#include <ipc/port_trap.h>
#include <kern/exception.h>
#include <kern/fpu.h>
#include <kern/irq.h>
#include <kern/thread.h>
#include <kern/trap.h>
#include <mach/rpc.h>
#include <sched/sched.h>
#include <vm/memory_object.h>
#include <vm/vm_map.h>
#include <vm/vm_trap.h>

/* Serves a trap of the current thread and tells what to resume. */
typedef struct uctx *(*trap_function_t)(struct thread *self);

static struct uctx *trap_null(struct thread *self)
{
    hal_uctx_set_result(&self->uctx, KERN_SUCCESS);
    return trap_exit_running(self);
}

/* The short way to a kernel object. Returns NULL: there is none. */
static inline struct uctx *rpc_call_kernel(struct thread *self)
{
    struct hal_rpc rpc;

    hal_uctx_get_rpc(&self->uctx, &rpc);
    const struct ipc_entry *entry = ipc_entry_peek(self->space, rpc.remote);
    if (entry == NULL)
        return NULL;
    if (ipc_entry_means_task(self, entry, rpc.remote))
        return ipc_kernel_rpc_own(self);
    return ipc_entry_means_object(entry, rpc.remote) ? ipc_kernel_rpc_object(self, entry) : NULL;
}

static struct uctx *trap_rpc_call(struct thread *self)
{
    struct uctx *next = rpc_call_kernel(self);

    if (next != NULL)
        return next;
    next = ipc_direct_rpc(self, false);
    if (next != NULL)
        return next;
    ipc_trap_rpc_call(self);
    return trap_exit(self);
}

static struct uctx *trap_rpc_reply_wait(struct thread *self)
{
    struct uctx *partner = ipc_direct_rpc(self, true);

    if (partner != NULL)
        return partner;
    ipc_trap_rpc_reply_wait(self);
    return trap_exit(self);
}

static struct uctx *trap_reply_port(struct thread *self)
{
    ipc_trap_reply_port(self);
    return trap_exit(self);
}

static struct uctx *trap_set_tls(struct thread *self)
{
    bool valid = hal_uctx_set_tls(&self->uctx, hal_uctx_arg(&self->uctx, 0)) == HAL_OK;

    hal_uctx_set_result(&self->uctx, valid ? KERN_SUCCESS : KERN_INVALID_ADDRESS);
    return trap_exit(self);
}

/* Those of kern/trap_calls.c. */
#define TRAP_CALL(name)                                                                                      \
    static struct uctx *name##_trap(struct thread *self)                                                     \
    {                                                                                                        \
        name(self);                                                                                          \
        return trap_exit(self);                                                                              \
    }
TRAP_CALL(trap_thread_self)
TRAP_CALL(trap_task_self)
TRAP_CALL(trap_host_self)
TRAP_CALL(trap_thread_switch)
TRAP_CALL(trap_print)

static const trap_function_t trap_table[MACH_TRAP_COUNT] = {
    [MACH_TRAP_RPC_CALL] = trap_rpc_call,
    [MACH_TRAP_RPC_REPLY_WAIT] = trap_rpc_reply_wait,
    [MACH_TRAP_MSG] = ipc_direct_msg,
    [MACH_TRAP_REPLY_PORT] = trap_reply_port,
    [MACH_TRAP_THREAD_SELF] = trap_thread_self_trap,
    [MACH_TRAP_TASK_SELF] = trap_task_self_trap,
    [MACH_TRAP_HOST_SELF] = trap_host_self_trap,
    [MACH_TRAP_THREAD_SWITCH] = trap_thread_switch_trap,
    [MACH_TRAP_THREAD_SET_TLS] = trap_set_tls,
    [MACH_TRAP_PRINT] = trap_print_trap,
    [MACH_TRAP_NULL] = trap_null,
    [MACH_TRAP_PORT_ALLOCATE] = trap_port_allocate,
    [MACH_TRAP_PORT_DESTROY] = trap_port_destroy,
    [MACH_TRAP_PORT_DEALLOCATE] = trap_port_deallocate,
    [MACH_TRAP_PORT_MOD_REFS] = trap_port_mod_refs,
    [MACH_TRAP_PORT_INSERT_RIGHT] = trap_port_insert_right,
    [MACH_TRAP_PORT_MOVE_MEMBER] = trap_port_move_member,
    [MACH_TRAP_PORT_INSERT_MEMBER] = trap_port_insert_member,
    [MACH_TRAP_PORT_EXTRACT_MEMBER] = trap_port_extract_member,
    [MACH_TRAP_VM_ALLOCATE] = vm_trap_allocate,
    [MACH_TRAP_VM_DEALLOCATE] = vm_trap_deallocate,
    [MACH_TRAP_VM_PROTECT] = vm_trap_protect,
};

struct uctx *kern_syscall(struct uctx *u, uint64_t number)
{
    struct thread *self = (struct thread *)u;

    if (__builtin_expect(number < MACH_TRAP_COUNT, 1))
        return trap_table[number](self);
    exception_raise(self, EXC_MACH_SYSCALL, (int64_t)number, 0);
    return thread_exit_to_user();
}

/*
 * The page is there, or it will not come: then the access fails.  One that can't be served yet for another reason is repeated, and
 * says it.
 */
static void page_fault_continue(struct thread *self)
{
    const kern_return_t kr = memory_object_waited(self);

    if (kr == KERN_MEMORY_ERROR || kr == KERN_RESOURCE_SHORTAGE) {
        memory_object_wait_cancel(self);
        exception_raise(self, EXC_BAD_ACCESS, kr, (int64_t)self->page.va);
    } else if (kr == KERN_SUCCESS &&
               vm_fault(self->task->map, self->page.va, self->page.access) == KERN_PAGE_WAIT) {
        memory_object_wait(self, page_fault_continue);
    }
}

static __attribute__((noinline)) struct uctx *page_fault_failed(struct thread *self, hal_va_t va,
                                                                unsigned access, kern_return_t kr)
{
    if (kr != KERN_PAGE_WAIT) {
        exception_raise(self, EXC_BAD_ACCESS, kr, (int64_t)va);
        return trap_exit(self);
    }
    self->page.va = va;
    self->page.access = (vm_prot_t)access;
    memory_object_wait(self, page_fault_continue);
    return hal_cpu_self()->current != NULL ? thread_exit_to_follow() : thread_exit_to_user();
}

struct uctx *kern_page_fault(struct uctx *u, hal_va_t va, unsigned access)
{
    struct thread *self = (struct thread *)u;
    kern_return_t kr = KERN_INVALID_ADDRESS;

    _Static_assert(HAL_ACCESS_READ == VM_PROT_READ && HAL_ACCESS_WRITE == VM_PROT_WRITE &&
                       HAL_ACCESS_EXEC == VM_PROT_EXECUTE,
                   "an access asks for its protection");
    if (HAL_USER_RANGE(va, 1))
        kr = vm_fault(self->task->map, va, (vm_prot_t)access);
    if (kr != KERN_SUCCESS)
        return page_fault_failed(self, va, access, kr);
    return trap_exit(self);
}

struct uctx *kern_exception(struct uctx *u, int exception, int64_t code, int64_t subcode)
{
    exception_raise((struct thread *)u, exception, code, subcode);
    return thread_exit_to_user();
}

struct uctx *kern_fpu_fault(struct uctx *u)
{
    struct thread *self = (struct thread *)u;

    if (fpu_acquire(hal_cpu_self(), self) != KERN_SUCCESS)
        exception_raise(self, EXC_SOFTWARE, KERN_RESOURCE_SHORTAGE, 0);
    return thread_exit_to_user();
}

struct uctx *kern_interrupt(struct uctx *u)
{
    struct cpu *cpu = hal_cpu_self();

    if (u == NULL)
        sched_idle_leave(cpu);
    irq_serve(cpu);
    return thread_exit_to_user();
}
