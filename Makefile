# SPDX-License-Identifier: GPL-2.0
#
# For people. It calls kbuild (kmod/Kbuild) for the module and CMake for the tool and the unit tests.
#   make                 the module for KVER and the tool
#   make demo            the main job, to watch
#   make check           every test
#   make check-whole     every scenario at its full length on each kernel
# KVER is the running kernel if its headers are here, else the newest installed headers; "debug" is the kernel that
# tests/lab/debug-kernel builds.

SHELL := /bin/bash
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ipvs-tun
VERSION := $(shell cat VERSION)
DEFAULT_KVER := $(shell [ -e /lib/modules/$$(uname -r)/build/Makefile ] && uname -r || tests/lab/newest-kernel --headers any)
KVER ?= $(DEFAULT_KVER)
SERIES := 6.1 6.12
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)

ifeq ($(KVER),debug)
override KVER := $(shell cat $(CACHE)/debug/release)
KDIR ?= $(CACHE)/debug/build
endif
KDIR ?= /lib/modules/$(KVER)/build

.PHONY: all deps module kernels tool unit check check-whole matrix demo bench torture fuzz style install install-tool \
	dkms-build dkms-install uninstall regenerate clean

all: module tool

deps:
	@scripts/deps

# Built in a copy, one a kernel, so that two kernels' objects never meet and kmod/ stays as it is committed.
MODULE_DIR := build/kmod/$(KVER)
module:
	@[ -n "$(KVER)" ] || { echo "no kernel headers are installed: run make deps" >&2; exit 1; }
	@mkdir -p $(MODULE_DIR)
	@rsync -a --delete --exclude='*.o' --exclude='*.ko' --exclude='*.mod' --exclude='*.mod.c' --exclude='.*' \
		--exclude=modules.order --exclude=Module.symvers kmod/ VERSION $(MODULE_DIR)/
	@flock $(MODULE_DIR) $(MAKE) --no-print-directory -j$(JOBS) -C $(KDIR) M=$(CURDIR)/$(MODULE_DIR) \
		$(if $(V),V=$(V)) modules

kernels:
	@for series in $(SERIES); do \
		kver=$$(tests/lab/newest-kernel --headers $$series) || { echo "no headers of $$series: run make deps" >&2; exit 1; }; \
		$(MAKE) --no-print-directory module KVER=$$kver || exit 1; \
	done

tool: build/cmake/CMakeCache.txt
	@cmake --build build/cmake -j $(JOBS) --target ipvs-tunctl

unit: build/cmake/CMakeCache.txt
	@cmake --build build/cmake -j $(JOBS)
	@ctest --test-dir build/cmake --output-on-failure -j $(JOBS)

build/cmake/CMakeCache.txt: CMakeLists.txt
	@cmake -S . -B build/cmake > /dev/null

regenerate: deps
	kmod/uapi/regenerate $$(tests/lab/linux-source)

check:
	@tests/check

# What make check shares between two kernels, whole on each: hours.
check-whole:
	@tests/check --whole

# docs/matrix.md and docs/topologies.md, of the scenarios' logs as they are.
matrix:
	@tests/netns/matrix build/check/scenarios-*.log

demo:
	@scripts/deps build lab
	@tests/demo/run

bench: deps kernels tool
	@tests/bench/run

# All scenarios on the debug kernel, then a search for leaked memory.
torture: deps
	@tests/lab/debug-kernel
	@$(MAKE) --no-print-directory module tool KVER=debug
	@cmake --build build/cmake -j $(JOBS)
	@tests/check --torture

fuzz: deps
	@tests/fuzz/run $(FUZZ_SECONDS)

style: deps
	@scripts/style

# On a hypervisor: by hand for one kernel (install), or rebuilt with every kernel that comes (dkms-install).
BY_HAND := updates/ipvs_tun.ko
install: all install-tool
	@! compgen -G '$(DESTDIR)/lib/modules/$(KVER)/updates/dkms/ipvs_tun.ko*' > /dev/null || \
		{ echo "DKMS has installed the module for $(KVER): make uninstall first, or make dkms-install" >&2; exit 1; }
	install -D -m 644 $(MODULE_DIR)/ipvs_tun.ko $(DESTDIR)/lib/modules/$(KVER)/$(BY_HAND)
	[ -n "$(DESTDIR)" ] || depmod $(KVER)

install-tool: tool
	install -D -m 755 build/bin/ipvs-tunctl $(DESTDIR)$(PREFIX)/sbin/ipvs-tunctl
	install -D -m 644 docs/ipvs-tunctl.8 $(DESTDIR)$(PREFIX)/share/man/man8/ipvs-tunctl.8

# DKMS_ROOT holds DKMS's trees instead of the system's: tests build there and install inside the lab.
DKMS_TREE := $(if $(DKMS_ROOT),$(abspath $(DKMS_ROOT))/tree,/var/lib/dkms)
DKMS_SOURCES := $(if $(DKMS_ROOT),$(abspath $(DKMS_ROOT))/src,/usr/src)
DKMS_TREES := $(if $(DKMS_ROOT),--dkmstree $(DKMS_TREE) --sourcetree $(DKMS_SOURCES))
DKMS_SOURCE := $(DKMS_SOURCES)/ipvs-tun-$(VERSION)
DKMS_MODULE := -m ipvs-tun -v $(VERSION) -k $(KVER) $(DKMS_TREES)
dkms-build:
	mkdir -p $(DKMS_SOURCE) $(DKMS_TREE)
	rsync -a --delete kmod/ VERSION $(DKMS_SOURCE)/
	sed 's/@VERSION@/$(VERSION)/' dkms.conf > $(DKMS_SOURCE)/dkms.conf
	dkms build --force $(DKMS_MODULE)

ifneq ($(and $(DESTDIR),$(filter dkms-install,$(MAKECMDGOALS))),)
$(error DKMS installs on this machine; DESTDIR is for make install)
endif
# What was installed by hand must not stand beside it: modprobe would take either.
dkms-install: dkms-build install-tool
	rm -f /lib/modules/$(KVER)/$(BY_HAND)
	dkms install --force $(DKMS_MODULE)

# Both ways, every version and kernel.
uninstall:
ifeq ($(DESTDIR),)
	for version in $(DKMS_TREE)/ipvs-tun/[0-9]*; do \
		[ ! -d "$$version" ] || dkms remove -m ipvs-tun -v "$${version##*/}" --all $(DKMS_TREES) || exit 1; \
	done
	rm -rf $(DKMS_SOURCES)/ipvs-tun-[0-9]*
endif
	rm -f $(DESTDIR)$(PREFIX)/sbin/ipvs-tunctl $(DESTDIR)$(PREFIX)/share/man/man8/ipvs-tunctl.8
	for file in $(DESTDIR)/lib/modules/*/$(BY_HAND); do \
		[ -e "$$file" ] || continue; \
		rm "$$file" && rmdir --ignore-fail-on-non-empty "$${file%/*}" && kver=$${file%/$(BY_HAND)} || exit 1; \
		[ -n "$(DESTDIR)" ] || depmod "$${kver##*/}" || exit 1; \
	done

clean:
	rm -rf build
