/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MODEL_FPU_KERN_TASK_H
#define MODEL_FPU_KERN_TASK_H

#include <world.h>

#endif
