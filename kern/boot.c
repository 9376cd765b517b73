/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start of the kernel.  Each module finds ready what stands above it here: locks need the CPU, caches pages,
 * objects caches.
 */
#include <hal/hal.h>
#include <ipc/ipc.h>
#include <ipc/kernel_rpc.h>
#include <kern/bootstrap.h>
#include <kern/cache.h>
#include <kern/console.h>
#include <kern/cpu.h>
#include <kern/host.h>
#include <kern/interrupt.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/reaper.h>
#include <kern/smp.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/version.h>
#include <sched/sched.h>
#include <vm/memory_object.h>
#include <vm/pmap.h>
#include <vm/vm_map.h>
#include <vm/vm_page.h>
#include <vm/vm_pageout.h>

#define START_SECONDS_MAX 5u /* for a CPU to appear */

hal_ticks_t kern_boot_time;

static struct cpu boot_cpu;

static void cpu_init(struct cpu *cpu, uint32_t index)
{
    cpu->index = index;
    list_init(&cpu->graves);
    sched_init(cpu);
    cpu_table[index] = cpu;
}

static void cpu_create(uint32_t index)
{
    struct cpu *cpu = kmem_alloc_zero(sizeof(*cpu));

    if (cpu == NULL)
        panic("no memory for CPU %u", index);
    cpu_init(cpu, index);
}

/* Start one CPU and wait for it, so that a CPU that does not come is known by its number. */
static void cpu_start(uint32_t index)
{
    struct cpu *cpu = cpu_table[index];

    if (hal_cpu_start(index, cpu) != HAL_OK) {
        kprintf("boot: CPU %u: refused to start\n", index);
        return;
    }
    hal_ticks_t limit = hal_time_now() + START_SECONDS_MAX * hal_info.time_hz;
    while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
        smp_poll();
        hal_cpu_pause();
        if (hal_time_now() > limit) {
            kprintf("boot: CPU %u: does not come up\n", index);
            return;
        }
    }
}

static void announce(void)
{
    kprintf(KERN_VERSION_FORMAT "\n", hal_info.isa, hal_info.board);
    kprintf("portolan: %s on %s, %u CPU%s, %lu MiB, page tables of %u levels\n", hal_info.isa, hal_info.board,
            hal_info.cpu_count, hal_info.cpu_count == 1 ? "" : "s",
            vm_page_total_count() * HAL_PAGE_SIZE >> 20, hal_info.pt_levels);
}

struct uctx *kern_boot(const struct hal_info *info)
{
    cpu_init(&boot_cpu, 0);
    hal_cpu_boot_set(&boot_cpu);
    smp_set_online(&boot_cpu);
    console_init();
    kern_boot_time = hal_time_now();

    vm_page_init();
    announce();
    kmem_init();
    ledger_init_module();
    pmap_init_module();
    vm_map_init_module();
    ipc_init();
    task_init_module();
    thread_init_module();
    host_init();
    interrupt_init_module();
    for (uint32_t i = 1; i < info->cpu_count; i++)
        cpu_create(i);
    ipc_direct_init();
    ipc_kernel_rpc_init();
    for (uint32_t i = 1; i < info->cpu_count; i++)
        cpu_start(i);
    reaper_start();
    memory_object_start();
    vm_pageout_start();
    bootstrap_start();
    return thread_exit_to_user();
}

struct uctx *kern_cpu_main(struct cpu *self)
{
    smp_set_online(self);
    return thread_exit_to_user();
}
