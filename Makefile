# SPDX-License-Identifier: GPL-2.0
# The module is made by the kernel's build system from Kbuild; this is what people call.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
PREFIX ?= /usr/local
K ?= 6.1

VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

# with OUT=DIR everything is built there, from a copy
OUT ?= .
MODULE_DIR := $(abspath $(OUT))
TSORCTL := $(OUT)/userspace/tsorctl
CFLAGS ?= -O2 -g
TSORCTL_CFLAGS := -std=gnu11 -Wall -Wextra

.PHONY: all module tsorctl install uninstall install-tools install-source uninstall-tools check \
	model demo vm clean help copy

all: module tsorctl	## the module for KDIR and tsorctl

module: copy	## tsor.ko; KDIR=DIR (of the running kernel), OUT=DIR (here)
	@test -e $(KDIR)/Makefile || { echo "no kernel headers in $(KDIR): install them" \
		"(Debian: apt-get install linux-headers-$(KVER)) or say KDIR=DIR" >&2; exit 1; }
	$(MAKE) -C $(KDIR) M=$(MODULE_DIR) modules

# kernels before 6.13 build a module only beside its sources
copy:
ifneq ($(MODULE_DIR),$(CURDIR))
	@selftests/lib/sources $(OUT) Kbuild kmod/*.[ch] uapi/*.h
endif

tsorctl: $(TSORCTL)	## the command line tool

$(TSORCTL): $(wildcard userspace/*.[ch] uapi/*.h kmod/version.h)
	@printf '#include <libmnl/libmnl.h>\n' | $(CC) $(CPPFLAGS) $(CFLAGS) -E - >/dev/null 2>&1 || \
		{ echo "tsorctl needs libmnl (Debian: apt-get install libmnl-dev)" >&2; exit 1; }
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(TSORCTL_CFLAGS) -o $@ $(filter %.c,$^) $(LDFLAGS) -lmnl

# The module is DKMS's, which makes it anew for each kernel. With DESTDIR only the files are put
# in place, as a package wants it.
SRC_DIR = $(DESTDIR)/usr/src/tsor-$(VERSION)

install: install-tools install-source	## tsorctl, and the module by DKMS for the kernel KVER; DESTDIR, PREFIX
ifeq ($(DESTDIR),)
	dkms add tsor/$(VERSION)
	dkms build tsor/$(VERSION) -k $(KVER)
	dkms install tsor/$(VERSION) -k $(KVER)
endif

install-source:
ifeq ($(DESTDIR),)
	@command -v dkms >/dev/null || { echo "the module is installed by DKMS" \
		"(Debian: apt-get install dkms)" >&2; exit 1; }
	@if [ -n "$$(dkms status tsor/$(VERSION))" ]; then dkms remove tsor/$(VERSION) --all; fi
endif
	rm -rf $(SRC_DIR)
	install -d $(SRC_DIR)
	cp -p --parents Kbuild Makefile dkms.conf kmod/*.[ch] uapi/*.h $(SRC_DIR)

install-tools: tsorctl
	install -D -m 0755 $(TSORCTL) $(DESTDIR)$(PREFIX)/sbin/tsorctl
	install -D -m 0644 userspace/tsorctl.8 $(DESTDIR)$(PREFIX)/share/man/man8/tsorctl.8
	install -D -m 0644 userspace/tsorctl.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/tsorctl

uninstall: uninstall-tools	## what install has put there, for all kernels
ifeq ($(DESTDIR),)
	@if command -v dkms >/dev/null && [ -n "$$(dkms status tsor/$(VERSION))" ]; then \
		dkms remove tsor/$(VERSION) --all; fi
endif
	rm -rf $(SRC_DIR)

uninstall-tools:
	rm -f $(DESTDIR)$(PREFIX)/sbin/tsorctl $(DESTDIR)$(PREFIX)/share/man/man8/tsorctl.8
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/tsorctl

check:	## all tests; T=NAME for one topic
	@selftests/check $(T)

model:	## every configuration of the protocol model
	@selftests/model/run --all

demo:	## redis between two nodes, plain and by RDMA; K=6.1 or 6.12
	@K="$(K)" selftests/demo

vm:	## a shell beside two guests; K=6.1 or 6.12
	@selftests/bed/bed -k "$(K)" --shell

clean:	## what the build has made
	rm -f $(TSORCTL) $(addprefix $(OUT)/,tsor.ko tsor.o tsor.mod tsor.mod.c tsor.mod.o \
		.module-common.o Module.symvers modules.order)
	rm -f $(addprefix $(OUT)/,.*.cmd kmod/*.o kmod/.*.cmd kmod/.*.d)

help:	## this
	@sed -n 's/^\([a-z]*\):[^#]*## */\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12
