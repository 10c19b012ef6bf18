# SPDX-License-Identifier: GPL-2.0
# Unit tests of the tool: one program for each tests/unit/test_*.c, linked with
# all of the tool but its main.c, under ASan and UBSan.

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
UNIT_OBJ := $(patsubst dom0-tool/%.c,$(BUILD)/unit/tool/%.o,\
	$(filter-out dom0-tool/main.c,$(TOOL_SRC)))
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

$(BUILD)/unit/tool/%.o: dom0-tool/%.c
	@mkdir -p $(@D)
	$(CC) $(TOOL_CFLAGS) $(CFLAGS) $(SAN) -MMD -MP -c -o $@ $<

$(BUILD)/unit/test_%: tests/unit/test_%.c $(UNIT_OBJ)
	$(CC) $(TOOL_CFLAGS) $(CFLAGS) $(SAN) -MMD -MP -o $@ $< $(UNIT_OBJ) \
	  $(TOOL_LIBS) $(shell pkg-config --cflags --libs cmocka)

unit: $(UNIT_BIN)
	@tests/unit/run $(UNIT_BIN)

.PHONY: unit

-include $(UNIT_OBJ:.o=.d) $(UNIT_BIN:=.d)
