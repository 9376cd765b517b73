/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MODEL_FPU_KERN_LEDGER_H
#define MODEL_FPU_KERN_LEDGER_H

#include <world.h>

#endif
