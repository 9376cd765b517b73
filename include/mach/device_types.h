/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices for users: what goes with device.defs. */
#ifndef MACH_DEVICE_TYPES_H
#define MACH_DEVICE_TYPES_H

#include <mach/mach_types.h>

/* How a line asks for service. */
#define DEVICE_INTERRUPT_EDGE 0
#define DEVICE_INTERRUPT_LEVEL 1

/* What the firmware tells about devices. */
#define DEVICE_TABLES_NONE 0
#define DEVICE_TABLES_FDT 1  /* a flattened device tree */
#define DEVICE_TABLES_ACPI 2 /* the root pointer of ACPI's tables */

/* Largest block of contiguous memory, in bytes. */
#define DEVICE_CONTIGUOUS_MAX ((mach_vm_size_t)1 << 20)

/* The notification that an interrupt came. */
#define MACH_NOTIFY_INTERRUPT 100

#ifdef KERNEL
struct interrupt;
typedef struct host *device_master_t;
typedef struct interrupt *interrupt_t;
#else
typedef mach_port_t device_master_t;
typedef mach_port_t interrupt_t;
#endif

#pragma pack(push, 4)

typedef struct {
    mach_msg_header_t not_header;
    NDR_record_t NDR;
    natural_t not_line;
    mach_msg_format_0_trailer_t trailer;
} mach_interrupt_notification_t;

#pragma pack(pop)

#endif
