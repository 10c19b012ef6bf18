# SPDX-License-Identifier: GPL-2.0
# What people call: make, make check, make demo. The module's own build is Kbuild's.

KVER ?= $(shell uname -r)
KDIR ?= $(firstword $(wildcard /lib/modules/$(KVER)/build) \
	$(wildcard /lib/modules/*/build))
BUILD := build
# One name for one place: what depends on what is by name.
override BUILD := $(patsubst $(CURDIR)/%,%,$(abspath $(BUILD)))
DESTDIR ?=
PREFIX ?= /usr/local

CC ?= gcc
PKGS := xencontrol xenlight xenstore xenforeignmemory xenevtchn xengnttab \
	xentoollog json-c libxxhash libzstd liblz4 libcrypto liburing uuid blkid mount
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wformat=2 -Wvla -Werror
CFLAGS ?= -O2 -g
HOOK_DIR = $(PREFIX)/lib/stillpoint/hooks
TOOL_CFLAGS = -std=gnu11 $(WARN) -Iinclude -Idom0-tool -DHOOK_DIR='"$(HOOK_DIR)"' \
	$(shell pkg-config --cflags $(PKGS))
TOOL_LIBS = $(shell pkg-config --libs $(PKGS)) -pthread

AGENT_CFLAGS = -std=gnu11 $(WARN) -Iinclude
AGENT_HOOK_DIR = $(PREFIX)/share/stillpoint/hooks

TOOL_SRC := $(wildcard dom0-tool/*.c dom0-tool/*/*.c)
TOOL_OBJ := $(TOOL_SRC:dom0-tool/%.c=$(BUILD)/tool/%.o)

AGENT_OBJ := $(patsubst guest-agent/%.c,$(BUILD)/agent/%.o,$(wildcard guest-agent/*.c))

all: modules tool agent

modules:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

modules_install: modules
	$(MAKE) -C $(KDIR) M=$(CURDIR) $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) modules_install

tool: $(BUILD)/stillpoint

$(BUILD)/stillpoint: $(TOOL_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(TOOL_LIBS)

$(BUILD)/tool/%.o: dom0-tool/%.c
	@mkdir -p $(@D)
	$(CC) $(TOOL_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

agent: $(BUILD)/stillpoint-agent

$(BUILD)/stillpoint-agent: $(AGENT_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/agent/%.o: guest-agent/%.c
	@mkdir -p $(@D)
	$(CC) $(AGENT_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# For the guest; what is in the hooks' folder is only run when it is in /etc.
install_agent: agent
	install -D -m 0755 $(BUILD)/stillpoint-agent $(DESTDIR)$(PREFIX)/sbin/stillpoint-agent
	install -D -m 0755 -t $(DESTDIR)$(AGENT_HOOK_DIR) guest-agent/hooks/*
	install -d $(DESTDIR)/etc/stillpoint/hooks.d $(DESTDIR)/etc/stillpoint/restored.d
	install -d $(DESTDIR)/etc/systemd/system
	sed 's|@SBINDIR@|$(PREFIX)/sbin|' guest-agent/stillpoint-agent.service.in \
	  >$(DESTDIR)/etc/systemd/system/stillpoint-agent.service
	install -D -m 0644 docs/stillpoint-agent.8 \
	  $(DESTDIR)$(PREFIX)/share/man/man8/stillpoint-agent.8

install: tool
	install -D -m 0755 $(BUILD)/stillpoint $(DESTDIR)$(PREFIX)/sbin/stillpoint
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@sbindir@|$(PREFIX)/sbin|' dom0-tool/stillpoint-tmem.service.in \
	  >$(DESTDIR)$(PREFIX)/lib/systemd/system/stillpoint-tmem.service
	install -D -m 0755 -t $(DESTDIR)$(HOOK_DIR) dom0-tool/hooks/*
	for m in docs/*.1 docs/*.8; do [ ! -f $$m ] || \
	  install -D -m 0644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done

include tests/unit/unit.mk
include tests/bench/image/image.mk
include tests/fuzz/fuzz.mk

# What building and testing on this machine needs; the lab adds its own.
PACKAGES := gcc make pkg-config libxen-dev libjson-c-dev libxxhash-dev libzstd-dev \
	liblz4-dev libssl-dev liburing-dev uuid-dev libblkid-dev libmount-dev \
	libcmocka-dev linux-headers-amd64

setup:
	@tests/setup $(PACKAGES)

check: setup
	@tests/check

style: setup
	@tests/check style

kunit:
	@tests/check kunit

e2e:
	@tests/check e2e

bench: setup
	@tests/bench/run

demo: setup
	@tests/demo/run

clean:
	rm -rf $(BUILD)
	[ ! -d "$(KDIR)" ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean

.PHONY: all modules modules_install tool agent install install_agent setup check style kunit e2e bench demo clean

-include $(TOOL_OBJ:.o=.d) $(AGENT_OBJ:.o=.d)
