# SPDX-License-Identifier: GPL-2.0-only
# Services of the module that lock, allocate and do I/O, in user space: built
# with the headers in fake/ in place of the kernel's.

MODULE := $(TOP)/kernel/dm-replica
FAKE_FLAGS := -Ifake -I$(MODULE)
PLANE_OBJECTS := $(patsubst %,$(OUT)/module/%.o, \
	metadev_blocks plane plane_load plane_store plane_walk)

$(OUT)/module/%.o: $(MODULE)/%.c
	@mkdir -p $(@D)
	$(CC) $(FAKE_FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/test_plane.o: private override CFLAGS += $(FAKE_FLAGS)
$(OUT)/test_plane: private override CFLAGS += $(PLANE_OBJECTS)
$(OUT)/test_plane: $(PLANE_OBJECTS)

-include $(wildcard $(OUT)/module/*.d)
