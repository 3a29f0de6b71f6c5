// SPDX-License-Identifier: GPL-2.0
#include "faults.h"
#undef pr_fmt
#include "../../kmod/link.c"
