# SPDX-License-Identifier: GPL-2.0
# Fuzzing of the tool: one program for each tests/fuzz/fuzz_*.c, linked with all of
# the tool but its main.c, the other tests/fuzz/*.c and the unit tests' machine.

FUZZ_CC ?= clang
FUZZ_SECONDS ?= 600
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(BUILD)/fuzz/bin/%)
FUZZ_HELP := $(filter-out $(FUZZ_SRC) tests/fuzz/make_seeds.c,$(wildcard tests/fuzz/*.c))
FUZZ_TOOL := $(patsubst dom0-tool/%.c,$(BUILD)/fuzz/obj/tool/%.o,\
	$(filter-out dom0-tool/main.c,$(TOOL_SRC)))
FUZZ_OBJ := $(FUZZ_TOOL) $(FUZZ_HELP:tests/fuzz/%.c=$(BUILD)/fuzz/obj/%.o) \
	$(BUILD)/fuzz/obj/unit/domain_file.o $(BUILD)/fuzz/obj/unit/quiesce_fake.o
# Clang finds pointer arithmetic in a macro of xenctrl.h.
FUZZ_CFLAGS = $(TOOL_CFLAGS) -Wno-pointer-arith -Itests/fuzz -O1 -g -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_LDFLAGS := -Wl,--wrap=clock_gettime,--wrap=nanosleep,--wrap=mmap

$(BUILD)/fuzz/obj/tool/%.o: dom0-tool/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/obj/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/obj/%.o: tests/fuzz/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/bin/%: $(BUILD)/fuzz/obj/fuzz_%.o $(FUZZ_OBJ)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer $(FUZZ_LDFLAGS) -o $@ $^ $(TOOL_LIBS)

# No harness: nothing is mutated in it, so that libFuzzer is not needed.
$(BUILD)/fuzz/make_seeds: $(BUILD)/fuzz/obj/make_seeds.o $(FUZZ_OBJ)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_LDFLAGS) -o $@ $^ $(TOOL_LIBS)

fuzz-programs: $(FUZZ_BIN) $(BUILD)/fuzz/make_seeds

fuzz: setup
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/check fuzz

.PHONY: fuzz fuzz-programs
.SECONDARY: $(FUZZ_OBJ) $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/obj/%.o)

-include $(FUZZ_OBJ:.o=.d) $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/obj/%.d) \
	$(BUILD)/fuzz/obj/make_seeds.d
