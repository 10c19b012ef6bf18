# SPDX-License-Identifier: GPL-2.0
# What tests/bench/image.sh runs: all of the tool but its main.c, with the file-backed
# domain of the unit tests.

IMAGEBENCH_SRC := $(wildcard tests/bench/image/*.c)
IMAGEBENCH_OBJ := $(IMAGEBENCH_SRC:tests/bench/image/%.c=$(BUILD)/bench/%.o) \
	$(BUILD)/bench/domain_file.o $(BUILD)/bench/quiesce_fake.o
IMAGEBENCH_TOOL := $(filter-out $(BUILD)/tool/main.o,$(TOOL_OBJ))

$(BUILD)/bench/%.o: tests/bench/image/%.c
	@mkdir -p $(@D)
	$(CC) $(TOOL_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/bench/domain_file.o $(BUILD)/bench/quiesce_fake.o: $(BUILD)/bench/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(CC) $(TOOL_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/bench/imagebench: $(IMAGEBENCH_OBJ) $(IMAGEBENCH_TOOL)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(TOOL_LIBS)

imagebench: $(BUILD)/bench/imagebench

.PHONY: imagebench

-include $(IMAGEBENCH_OBJ:.o=.d)
