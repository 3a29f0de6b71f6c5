/* SPDX-License-Identifier: GPL-2.0 */
/* The release, for modinfo and tsorctl -V; dkms.conf says the same. */
#ifndef TSOR_VERSION_H
#define TSOR_VERSION_H

#define TSOR_VERSION	"0.1.0"

#endif
