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

# pool.h of the module leads to all of it.
COW_FLAGS := $(FAKE_FLAGS) -include fake/pool.h -Wno-sign-compare
$(OUT)/module/cow_%.o: private override CFLAGS += $(COW_FLAGS)
$(OUT)/test_cow_slots.o: private override CFLAGS += $(COW_FLAGS)
$(OUT)/test_cow_slots: private override CFLAGS += $(PLANE_OBJECTS) $(OUT)/module/cow_slots.o
$(OUT)/test_cow_slots: $(PLANE_OBJECTS) $(OUT)/module/cow_slots.o

-include $(wildcard $(OUT)/module/*.d)
