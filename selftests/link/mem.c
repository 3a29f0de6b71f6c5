// SPDX-License-Identifier: GPL-2.0
#include "faults.h"
#include "../../kmod/mem.c"
