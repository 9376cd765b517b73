/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/hal.h>
#include <ipc/right.h>
#include <kern/archive.h>
#include <kern/bootstrap.h>
#include <kern/elf.h>
#include <kern/host.h>
#include <kern/panic.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <mach/startup.h>
#include <vm/vm_map.h>
#include <vm/vm_page.h>

#define PROGRAM "bootstrap"
#define STACK_SIZE 0x10000u
#define STACK_AREA 0x1000000u /* the stack lies in the last 16 MiB of user space */

/* What lies at the top of the stack. */
struct start_block {
    struct mach_startup startup;
    uint64_t argv[2];
    char name[16];
    char cmdline[HAL_CMDLINE_MAX];
};
_Static_assert(sizeof(PROGRAM) <= sizeof(((struct start_block *)0)->name), "the name fits");
_Static_assert(sizeof(struct start_block) % 16 == 0, "the stack below it is aligned for every ABI");

static void check(kern_return_t kr, const char *what)
{
    if (kr != KERN_SUCCESS)
        panic("can't start " PROGRAM ": %s: error %d", what, kr);
}

/* A stack with an inaccessible page below it. Returns its upper end. */
static hal_va_t make_stack(struct vm_map *map)
{
    hal_va_t base = hal_info.user_limit - STACK_AREA;

    check(vm_map_allocate(map, &base, HAL_PAGE_SIZE + STACK_SIZE, true), "stack");
    check(vm_map_protect(map, base, HAL_PAGE_SIZE, false, VM_PROT_NONE), "stack guard");
    return base + HAL_PAGE_SIZE + STACK_SIZE;
}

static hal_va_t copy_archive(struct vm_map *map, const struct archive *archive)
{
    hal_va_t address = hal_info.user_base;

    check(vm_map_allocate(map, &address, archive->size, true), "archive");
    check(vm_map_write(map, address, archive->base, archive->size), "archive");
    return address;
}

/* Write the start block below `top`. Returns its address, which is the first stack pointer too. */
static hal_va_t write_start_block(struct task *task, hal_va_t top, const struct archive *archive)
{
    static struct start_block block;
    hal_va_t at = top - sizeof(block);
    mach_port_name_t host_priv;
    mach_port_name_t device_master;

    check(ipc_right_copyout(task->space, host_make_priv_port(), MACH_MSG_TYPE_PORT_SEND, &host_priv),
          "host port");
    check(ipc_right_copyout(task->space, host_make_device_port(), MACH_MSG_TYPE_PORT_SEND, &device_master),
          "device master port");
    block.startup = (struct mach_startup){
        .version = MACH_STARTUP_VERSION,
        .argc = 1,
        .argv = at + offsetof(struct start_block, argv),
        .cmdline = at + offsetof(struct start_block, cmdline),
        .archive = copy_archive(task->map, archive),
        .archive_size = archive->size,
        .host_priv = host_priv,
        .device_master = device_master,
    };
    block.argv[0] = at + offsetof(struct start_block, name);
    string_copy(block.name, PROGRAM, sizeof(block.name));
    string_copy(block.cmdline, hal_info.cmdline, sizeof(block.cmdline));
    check(vm_map_write(task->map, at, &block, sizeof(block)), "start block");
    return at;
}

static void free_archive(void)
{
    uint64_t start = hal_info.archive_base.addr / HAL_PAGE_SIZE * HAL_PAGE_SIZE;
    uint64_t end = hal_info.archive_base.addr + hal_info.archive_size;

    end = (end + HAL_PAGE_SIZE - 1) / HAL_PAGE_SIZE * HAL_PAGE_SIZE;
    vm_page_add_range(HAL_PA(start), end - start);
}

void bootstrap_start(void)
{
    struct archive archive = {hal_pa_to_ptr(hal_info.archive_base), hal_info.archive_size};
    struct archive_member program;
    struct task *task;
    struct thread *thread;
    hal_va_t entry;

    if (!archive_find(&archive, PROGRAM, &program))
        panic("no program " PROGRAM " in the boot archive (%zu bytes)", archive.size);
    check(task_create_from(NULL, false, &task), "task");
    string_copy(task->name, PROGRAM, sizeof(task->name));
    check(elf_load(task->map, program.data, program.size, &entry), "program");
    hal_va_t top = make_stack(task->map);
    hal_va_t start_block = write_start_block(task, top, &archive);
    check(thread_create_in(task, &thread), "thread");
    hal_uctx_init(&thread->uctx, entry, start_block, 0, start_block);
    free_archive();
    check(thread_release(thread), "thread");
    thread_unref(thread);
    task_unref(task);
}
