/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MODEL_FPU_HAL_HAL_H
#define MODEL_FPU_HAL_HAL_H

#include <world.h>

#endif
