/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole hardware abstraction layer: every machine-dependent name that machine-independent code (kern, ipc,
 * vm, sched) may use.  A static inline is declared here first and defined by the header of the ISA, so that one with a
 * wrong signature does not compile.  The contracts are text first (effect, Context, units, Returns) and ACSL second; in
 * checked builds, calls from outside of the back ends (HAL_BACK_END) are tested against them.
 */
#ifndef HAL_HAL_H
#define HAL_HAL_H

#include <hal/console.h>
#include <hal/cpu.h>
#include <hal/debug.h>
#include <hal/fpu.h>
#include <hal/info.h>
#include <hal/irq.h>
#include <hal/power.h>
#include <hal/pt.h>
#include <hal/pte.h>
#include <hal/time.h>
#include <hal/types.h>
#include <hal/uctx.h>
#include <hal/umem.h>
#include <hal/upcall.h>

#if defined(KERN_CHECKED) && !defined(HAL_BACK_END)
#include <hal/checked.h>
#endif

#endif
