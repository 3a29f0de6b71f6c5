// SPDX-License-Identifier: GPL-2.0
/* only here: a mapping that failed cannot be undone by a device that maps nothing */
#include "faults.h"
#define ib_dma_mapping_error	fault_mapping_error
#include "../../kmod/link_tx.c"
