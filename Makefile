# SPDX-License-Identifier: GPL-2.0-only
# dm-replica: array-style replication in the device mapper.

VERSION := 0.1.0
# The kernel that the module is built for and the VM boots: 6.1, 6.12, newest,
# debug, kcsan, or native = the running one (which no VM boots).
KVER ?= 6.1
KDIR ?=
# The kernels of check-matrix.
MATRIX ?= 6.1 6.12 newest
PREFIX ?= /usr/local
DESTDIR ?=
SUITES ?=
MINUTES ?= 60

# Quoted by the shell where it is used, empty = found by scripts/module-build.
module_build = scripts/module-build $(KVER) '$(KDIR)'

.DEFAULT_GOAL := all
.PHONY: help deps kernels all module tool demo check check-matrix bench \
	install uninstall clean kernel-debug kernel-kcsan torture model-faults

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

deps: ## install the packages that building and testing need (root)
	@scripts/deps

kernels: ## unpack the kernel that tests boot (KVER=6.1, 6.12, newest) into build/
	@scripts/kernel-fetch $(KVER)

all: module tool ## build the module and replctl (no root needed)

module: ## build the module for KVER= (6.1) or KDIR=
	$(module_build)

tool: ## build replctl
	@if [ -e tools/replctl/Makefile ]; then $(MAKE) -C tools/replctl; \
	else echo "tools/replctl: nothing to build" >&2; fi

demo: deps kernels all ## the tour, in a VM on RAM disks (about 3 minutes)
	@selftests/vm/run --kernel $(KVER) --timeout 900 -- selftests/demo/demo.sh

check: deps kernels all ## all tests; SUITES="style unit cli vm" picks some
	@KVER=$(KVER) selftests/run $(SUITES)

check-matrix: deps tool ## build and test on each kernel of MATRIX= (root for newest)
	@for k in $(MATRIX); do \
		scripts/kernel-fetch $$k && scripts/module-build $$k '' W=1 && \
		KVER=$$k selftests/run style vm || exit 1; \
	done

torture: deps kernels all ## the model at random for MINUTES= (60); SEED= begins with that
	@$(MAKE) -s -C selftests/model
	@mkdir -p build/torture
	@selftests/vm/run --kernel $(KVER) --timeout $$(($(MINUTES) * 60 + 900)) \
		--writable build/torture -- build/selftests/model --seconds $$(($(MINUTES) * 60)) \
		--seed $${SEED:-$$(date +%s)} --save build/torture/failed.steps \
		--shrink build/torture/short.steps

model-faults: deps kernels all ## plant each fault of selftests/model/faults: does the model find it?
	@KVER=$(KVER) selftests/model/faults/run.sh

bench: deps kernels all ## the figures of Documentation/performance.md
	@selftests/bench/run

kernel-debug: deps ## build the kernel with KASAN, lockdep, kmemleak (15 to 60 minutes)
	@scripts/kernel-debug debug

kernel-kcsan: deps ## build the kernel with KCSAN, which finds data races
	@scripts/kernel-debug kcsan

install: all ## install module, replctl, man page, completion, udev rules, unit
	@VERSION=$(VERSION) DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' KVER=$(KVER) \
		scripts/install

uninstall: ## remove what install put there
	@VERSION=$(VERSION) DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' KVER=$(KVER) \
		scripts/install --remove

clean: ## remove what was built (unpacked kernels stay)
	@rm -rf build/module-* build/vm build/style
	@if [ -e tools/replctl/Makefile ]; then $(MAKE) -s -C tools/replctl clean; fi
	@if [ -e selftests/unit/Makefile ]; then $(MAKE) -s -C selftests/unit clean; fi
