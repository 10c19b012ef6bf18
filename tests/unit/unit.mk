# SPDX-License-Identifier: GPL-2.0
# Unit tests of the tool: one program for each tests/unit/test_*.c, linked with
# all of the tool but its main.c and the other tests/unit/*.c, under ASan and UBSan.
# Those that are called test_agent_*.c are linked with the guest's agent instead.

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
UNIT_HELP := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
UNIT_OBJ := $(patsubst dom0-tool/%.c,$(BUILD)/unit/tool/%.o,\
	$(filter-out dom0-tool/main.c,$(TOOL_SRC))) \
	$(UNIT_HELP:tests/unit/%.c=$(BUILD)/unit/help/%.o)
# A higher level makes the tests no faster, and takes longer to compile.
SAN := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT_CFLAGS = $(TOOL_CFLAGS) -Itests/unit $(CFLAGS) $(SAN)

$(BUILD)/unit/tool/%.o: dom0-tool/%.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/unit/help/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

# A test is linked with what it uses only, which takes a fraction of the time.
$(BUILD)/unit/objects.a: $(UNIT_OBJ)
	@rm -f $@
	$(AR) rcsT $@ $^

$(BUILD)/unit/test_%: tests/unit/test_%.c $(BUILD)/unit/objects.a
	$(CC) $(UNIT_CFLAGS) -MMD -MP -o $@ $< $(BUILD)/unit/objects.a \
	  $(TOOL_LIBS) $(shell pkg-config --cflags --libs cmocka)

UNIT_AGENT_OBJ := $(patsubst guest-agent/%.c,$(BUILD)/unit/agent/%.o,\
	$(filter-out guest-agent/main.c,$(wildcard guest-agent/*.c)))
UNIT_AGENT_CFLAGS = $(AGENT_CFLAGS) $(CFLAGS) $(SAN)

$(BUILD)/unit/agent/%.o: guest-agent/%.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_AGENT_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/unit/test_agent_%: tests/unit/test_agent_%.c $(UNIT_AGENT_OBJ)
	$(CC) $(UNIT_AGENT_CFLAGS) -Iguest-agent -MMD -MP -o $@ $< $(UNIT_AGENT_OBJ) \
	  $(shell pkg-config --cflags --libs cmocka)

unit: $(UNIT_BIN)
	@tests/unit/run $(UNIT_BIN)

.PHONY: unit
.SECONDARY: $(UNIT_OBJ) $(UNIT_AGENT_OBJ)

-include $(UNIT_OBJ:.o=.d) $(UNIT_AGENT_OBJ:.o=.d) $(UNIT_BIN:=.d)
