/* SPDX-License-Identifier: BSD-2-Clause */
/* The services of the host's ports: mach_host.defs, host_priv.defs, and what portolan.defs adds to them. */
#include <hal/hal.h>
#include <ipc/port.h>
#include <kern/cache.h>
#include <kern/console.h>
#include <kern/cpu.h>
#include <kern/exception.h>
#include <kern/panic.h>
#include <kern/service.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <kern/version.h>
#include <mach/host_info.h>
#include <mach/host_priv_server.h>
#include <mach/mach_host_server.h>
#include <mach/portolan_server.h>
#include <sched/sched.h>
#include <vm/vm_map_copy.h>
#include <vm/vm_page.h>
#include <vm/vm_stat.h>

#define OLD_MEMORY_MAX 0x7fffffffu /* what memory_size can say */

static cpu_type_t cpu_type(void)
{
    static const struct {
        const char *isa;
        cpu_type_t type;
    } table[] = {
        {"x86_64", CPU_TYPE_X86_64},
        {"aarch64", CPU_TYPE_ARM64},
        {"riscv64", CPU_TYPE_RISCV64},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(hal_info.isa, table[i].isa) == 0)
            return table[i].type;
    }
    return CPU_TYPE_ANY;
}

static int cpus_online(void)
{
    return __builtin_popcountll(smp_online());
}

/* --- facts --- */

union info {
    struct host_basic_info basic;
    struct host_sched_info sched;
    struct kernel_resource_sizes sizes;
    struct host_priority_info priority;
};

static size_t info_basic(struct host_basic_info *info)
{
    uint64_t memory = vm_page_total_count() * HAL_PAGE_SIZE;
    int present = (int)hal_info.cpu_count;

    *info = (struct host_basic_info){
        .max_cpus = present,
        .avail_cpus = cpus_online(),
        .memory_size = memory > OLD_MEMORY_MAX ? OLD_MEMORY_MAX : (natural_t)memory,
        .cpu_type = cpu_type(),
        .cpu_subtype = CPU_SUBTYPE_ALL,
        .cpu_threadtype = CPU_THREADTYPE_NONE,
        .physical_cpu = cpus_online(),
        .physical_cpu_max = present,
        .logical_cpu = cpus_online(),
        .logical_cpu_max = present,
        .max_mem = memory,
    };
    return sizeof(*info);
}

static size_t info_fill(host_flavor_t flavor, union info *info)
{
    switch (flavor) {
    case HOST_BASIC_INFO:
        return info_basic(&info->basic);
    case HOST_SCHED_INFO:
        info->sched = (struct host_sched_info){.min_timeout = 1, .min_quantum = 1};
        return sizeof(info->sched);
    case HOST_RESOURCE_SIZES:
        info->sizes = (struct kernel_resource_sizes){
            .task = sizeof(struct task), .thread = sizeof(struct thread), .port = sizeof(struct ipc_port)};
        return sizeof(info->sizes);
    case HOST_PRIORITY_INFO:
        info->priority = (struct host_priority_info){
            .kernel_priority = SCHED_PRIORITY_KERNEL,
            .system_priority = SCHED_PRIORITY_USER_MAX,
            .server_priority = SCHED_PRIORITY_USER_MAX,
            .user_priority = SCHED_PRIORITY_DEFAULT,
            .depress_priority = SCHED_PRIORITY_IDLE,
            .idle_priority = SCHED_PRIORITY_IDLE,
            .minimum_priority = SCHED_PRIORITY_IDLE,
            .maximum_priority = SCHED_PRIORITY_MAX,
        };
        return sizeof(info->priority);
    default:
        return 0;
    }
}

kern_return_t host_info(host_t host, host_flavor_t flavor, host_info_t out, mach_msg_type_number_t *count)
{
    union info info;

    (void)host;
    return service_info_copy(out, count, &info, info_fill(flavor, &info));
}

kern_return_t host_kernel_version(host_t host, kernel_version_t version)
{
    (void)host;
    (void)ksnprintf(version, KERNEL_VERSION_MAX, KERN_VERSION_FORMAT, hal_info.isa, hal_info.board);
    return KERN_SUCCESS;
}

kern_return_t host_page_size(host_t host, vm_size_t *size)
{
    (void)host;
    *size = HAL_PAGE_SIZE;
    return KERN_SUCCESS;
}

kern_return_t host_get_uptime64(host_t host, time_value64_t *uptime)
{
    (void)host;
    *uptime = time_value64_from_ticks(hal_time_now() - kern_boot_time);
    return KERN_SUCCESS;
}

kern_return_t host_processor_info(host_t host, processor_flavor_t flavor, natural_t *processors,
                                  processor_info_array_t *out, mach_msg_type_number_t *count)
{
    struct processor_basic_info info[HAL_CPU_MAX] = {0};
    struct vm_map_copy *copy;

    (void)host;
    if (flavor != PROCESSOR_BASIC_INFO)
        return KERN_INVALID_ARGUMENT;
    for (uint32_t i = 0; i < hal_info.cpu_count; i++)
        info[i] = (struct processor_basic_info){
            .cpu_type = cpu_type(),
            .cpu_subtype = CPU_SUBTYPE_ALL,
            .running = (smp_online() >> i & 1) != 0,
            .slot_num = (int)i,
            .is_master = i == 0,
        };
    kern_return_t kr =
        vm_map_copy_from_kernel(info, hal_info.cpu_count * sizeof(info[0]), task_payer(), &copy);
    *out = (processor_info_array_t)(void *)copy;
    *processors = hal_info.cpu_count;
    *count = hal_info.cpu_count * PROCESSOR_BASIC_INFO_COUNT;
    return kr;
}

/* --- statistics --- */

kern_return_t host_statistics64(host_t host, host_flavor_t flavor, host_info64_t out,
                                mach_msg_type_number_t *count)
{
    (void)host;
    if (flavor != HOST_VM_INFO64)
        return KERN_INVALID_ARGUMENT;
    uint64_t free = vm_page_free_count();
    uint64_t objects = vm_stat_sum(VM_STAT_OBJECT_PAGES);
    struct vm_statistics64 info = {
        .free_count = (natural_t)free,
        .active_count = (natural_t)objects,
        .wire_count = (natural_t)(vm_page_total_count() - free - objects),
        .zero_fill_count = vm_stat_sum(VM_STAT_ZERO_FILL),
        .reactivations = vm_stat_sum(VM_STAT_REACTIVATED),
        .pageins = vm_stat_sum(VM_STAT_PAGEINS),
        .pageouts = vm_stat_sum(VM_STAT_PAGEOUTS),
        .faults = vm_stat_sum(VM_STAT_FAULTS),
    };
    return service_info_copy(out, count, &info, sizeof(info));
}

struct cache_list {
    kernel_memory_cache_info_t *info;
    mach_msg_type_number_t room;
    mach_msg_type_number_t used;
};

static void list_cache(struct cache *cache, void *arg)
{
    struct cache_list *list = arg;

    if (list->used == list->room)
        return;
    kernel_memory_cache_info_t *info = &list->info[list->used++];
    *info = (kernel_memory_cache_info_t){
        .object_size = cache->size,
        .objects = (natural_t)cache_live(cache),
        .pages = (natural_t)cache_pages(cache),
    };
    string_copy(info->name, cache->name, sizeof(info->name));
}

kern_return_t host_kernel_memory_info(host_t host, kernel_memory_cache_info_array_t caches,
                                      mach_msg_type_number_t *count, kernel_memory_pages_info_t *pages)
{
    struct cache_list list = {.info = caches, .room = *count};

    (void)host;
    cache_for_each(list_cache, &list);
    *count = list.used;
    *pages = (kernel_memory_pages_info_t){
        .total = (natural_t)vm_page_total_count(),
        .free = (natural_t)vm_page_free_count(),
        .user = (natural_t)vm_stat_sum(VM_STAT_OBJECT_PAGES),
        .tables = (natural_t)vm_stat_sum(VM_STAT_TABLE_PAGES),
    };
    return KERN_SUCCESS;
}

/* --- exception ports --- */

kern_return_t host_set_exception_ports(host_priv_t host, exception_mask_t mask, mach_port_t port,
                                       exception_behavior_t behavior, thread_state_flavor_t flavor)
{
    (void)host; /* there is one */
    return exception_ports_set(NULL, NULL, mask, port, behavior, flavor, NULL);
}

kern_return_t host_get_exception_ports(host_priv_t host, exception_mask_t mask, exception_mask_array_t masks,
                                       mach_msg_type_number_t *count, exception_handler_array_t ports,
                                       exception_behavior_array_t behaviors, exception_flavor_array_t flavors)
{
    struct exception_list list = {.mask = masks, .port = ports, .behavior = behaviors, .flavor = flavors};

    (void)host; /* there is one */
    kern_return_t kr = exception_ports_get(NULL, NULL, mask, &list);
    *count = list.count;
    return kr;
}

kern_return_t host_swap_exception_ports(host_priv_t host, exception_mask_t mask, mach_port_t port,
                                        exception_behavior_t behavior, thread_state_flavor_t flavor,
                                        exception_mask_array_t masks, mach_msg_type_number_t *count,
                                        exception_handler_array_t ports, exception_behavior_array_t behaviors,
                                        exception_flavor_array_t flavors)
{
    struct exception_list list = {.mask = masks, .port = ports, .behavior = behaviors, .flavor = flavors};

    (void)host; /* there is one */
    kern_return_t kr = exception_ports_set(NULL, NULL, mask, port, behavior, flavor, &list);
    *count = list.count;
    return kr;
}

/* --- the machine --- */

kern_return_t host_reboot(host_priv_t host, int options)
{
    static const char halted[] = "portolan: halted\n";
    static const char restarting[] = "portolan: restarting\n";

    (void)host;
    if ((options & ~HOST_REBOOT_HALT) != 0)
        return KERN_INVALID_ARGUMENT;
    if (options == HOST_REBOOT_HALT) {
        console_write_last(halted, sizeof(halted) - 1);
        hal_system_reset(HAL_RESET_POWEROFF);
    }
    console_write_last(restarting, sizeof(restarting) - 1);
    hal_system_reset(HAL_RESET_REBOOT);
}
