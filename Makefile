# SPDX-License-Identifier: GPL-2.0
.PHONY: check model vm

check:		## all tests; T=NAME for one topic
	@selftests/check $(T)

model:		## every configuration of the protocol model
	@selftests/model/run --all

vm:		## a shell beside two guests
	@selftests/bed/bed --shell
