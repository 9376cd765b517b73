/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory runs short: what the kernel's caches keep of what they had is there for users. */
#include "driver.h"
#include "unit_user.h"

#include <mach/host_priv.h>

#define PAGE 4096u
#define PORTS 8000u
#define MEMORY (UINT64_C(4) << 20)

static uint64_t pages_free(void)
{
    struct vm_statistics64 statistics;
    mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;

    EXPECT(host_statistics64(own.host_priv, HOST_VM_INFO64, (host_info64_t)&statistics, &count),
           KERN_SUCCESS);
    return statistics.free_count;
}

/* How many pages of memory can be had, before it is all gone? They are given back. */
static unsigned pages_to_be_had(void)
{
    mach_vm_address_t va = 0;
    unsigned n = 0;

    EXPECT(mach_vm_allocate(own.task, &va, MEMORY, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    while (n < MEMORY / PAGE &&
           mach_vm_write_inband(own.task, va + n * (uint64_t)PAGE, (uint8_t *)&n, 1) == KERN_SUCCESS)
        n++;
    SIM_CHECK(n < MEMORY / PAGE);
    EXPECT(mach_vm_deallocate(own.task, va, MEMORY), KERN_SUCCESS);
    return n;
}

static void caches_give_back(uint64_t arg)
{
    static mach_port_name_t name[PORTS];

    unit_begin(arg);
    const unsigned at_first = pages_to_be_had();
    const uint64_t before = pages_free();
    for (unsigned i = 0; i < PORTS; i++)
        EXPECT(mach_port_allocate(own.task, MACH_PORT_RIGHT_RECEIVE, &name[i]), KERN_SUCCESS);
    const uint64_t with_ports = pages_free();
    for (unsigned i = 0; i < PORTS; i++)
        EXPECT(mach_port_destroy(own.task, name[i]), KERN_SUCCESS);
    const uint64_t kept = before - pages_free();
    SIM_CHECK(kept > (before - with_ports) / 2); /* a cache keeps what was freed */
    SIM_CHECK(pages_to_be_had() > at_first - kept / 2);
    user_power_off(own.host_priv);
}

static void configure(struct sim_config *config)
{
    config->memory = MEMORY;
}

static const struct driver_scenario table[] = {
    {.name = "caches_give_back", .program = caches_give_back, .configure = configure},
};

int main(int argc, char **argv)
{
    return driver_main(argc, argv, table, sizeof table / sizeof table[0]);
}
