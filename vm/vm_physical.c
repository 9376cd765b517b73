/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/hal.h>
#include <kern/ledger.h>
#include <kern/string.h>
#include <vm/vm_object.h>
#include <vm/vm_page.h>
#include <vm/vm_physical.h>

bool vm_physical_is_taken(hal_pa_t base, uint64_t size)
{
    for (uint32_t i = 0; i < hal_info.taken_count; i++) {
        const struct hal_mem_range *taken = &hal_info.taken[i];
        if (base.addr < taken->base.addr + taken->size && taken->base.addr < base.addr + size)
            return true;
    }
    return false;
}

static void object_make(struct vm_object *object, enum vm_object_kind kind, hal_pa_t base)
{
    object->kind = (uint8_t)kind;
    object->base = base;
}

void vm_physical_make_device(struct vm_object *object, hal_pa_t base)
{
    object_make(object, VM_OBJECT_DEVICE, base);
}

void vm_physical_make_reserved(struct vm_object *object, hal_pa_t base)
{
    object_make(object, VM_OBJECT_RESERVED, base);
}

bool vm_physical_make_contiguous(struct vm_object *object, uint64_t size, uint64_t last,
                                 struct ledger_account *payer)
{
    unsigned order = 0;

    while (((uint64_t)HAL_PAGE_SIZE << order) < size)
        order++;
    const uint64_t bytes = (uint64_t)HAL_PAGE_SIZE << order;
    if (!ledger_charge(payer, bytes))
        return false;
    void *block = vm_page_alloc_below(order, HAL_PA(last));
    if (block == NULL) {
        ledger_uncharge(payer, bytes);
        return false;
    }
    memset(block, 0, bytes);
    object->order = (uint8_t)order;
    object_make(object, VM_OBJECT_CONTIGUOUS, hal_ptr_to_pa(block));
    return true;
}

void vm_physical_free(const struct vm_object *object, struct ledger_account *payer)
{
    vm_page_free(hal_pa_to_ptr(object->base), object->order);
    ledger_uncharge(payer, (uint64_t)HAL_PAGE_SIZE << object->order);
}
