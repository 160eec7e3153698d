// SPDX-License-Identifier: GPL-2.0-only
/* Documentation/on-disk-format.rst against the declarations: every field, offset and size. */
#include "unit.h"

#include "format.h"

#define FIELD(s, f)	{ #s, #f, offsetof(struct s, f), sizeof(((struct s *)0)->f) }
#define FIELD_OPEN(s, f) { #s, #f, offsetof(struct s, f), 0 }
#define WHOLE(s)	{ #s, NULL, sizeof(struct s), 0 }

static const struct {
	const char *structure;
	const char *field;	/* NULL: the structure itself, @offset is its size */
	size_t offset;
	size_t size;		/* 0: open end */
} fields[] = {
	FIELD(drp_block_header, crc),
	FIELD(drp_block_header, kind),
	FIELD(drp_block_header, nonce),
	FIELD(drp_block_header, object),
	FIELD(drp_block_header, index),
	FIELD(drp_block_header, seq),
	FIELD(drp_block_header, len),
	FIELD(drp_block_header, flags),
	WHOLE(drp_block_header),
	FIELD(drp_super_disk, h),
	FIELD(drp_super_disk, magic),
	FIELD(drp_super_disk, version),
	FIELD(drp_super_disk, block_bytes),
	FIELD(drp_super_disk, uuid),
	FIELD(drp_super_disk, name),
	FIELD(drp_super_disk, compat),
	FIELD(drp_super_disk, ro_compat),
	FIELD(drp_super_disk, incompat),
	FIELD(drp_super_disk, device_blocks),
	FIELD(drp_super_disk, created),
	FIELD(drp_super_disk, chunk_sectors),
	FIELD(drp_super_disk, region_sectors),
	FIELD(drp_super_disk, extent_sectors),
	FIELD(drp_super_disk, nr_areas),
	FIELD(drp_super_disk, areas),
	FIELD(drp_super_disk, catalog_seq),
	FIELD(drp_super_disk, catalog_index),
	FIELD(drp_super_disk, catalog_blocks),
	FIELD(drp_super_disk, tail_block),
	FIELD(drp_super_disk, tail_seq),
	FIELD(drp_super_disk, owner_uuid),
	FIELD(drp_super_disk, boot_id),
	FIELD(drp_super_disk, owner_name),
	FIELD(drp_super_disk, activation),
	FIELD(drp_super_disk, clean),
	FIELD(drp_super_disk, copy_index),
	FIELD(drp_super_disk, peer_uuid),
	FIELD(drp_super_disk, copy_seq),
	FIELD(drp_super_disk, cow_identity),
	FIELD(drp_super_disk, cow_sectors),
	FIELD(drp_super_disk, reserved),
	WHOLE(drp_super_disk),
	FIELD(drp_area_disk, kind),
	FIELD(drp_area_disk, index),
	FIELD(drp_area_disk, first),
	FIELD(drp_area_disk, blocks),
	WHOLE(drp_area_disk),
	FIELD(drp_record_header, type),
	FIELD(drp_record_header, flags),
	FIELD(drp_record_header, len),
	WHOLE(drp_record_header),
	FIELD(drp_pool_disk, next_id),
	FIELD(drp_pool_disk, next_job_id),
	FIELD(drp_pool_disk, next_cut_id),
	FIELD(drp_pool_disk, reclaim),
	FIELD(drp_pool_disk, cow_memory),
	WHOLE(drp_pool_disk),
	FIELD(drp_element_disk, id),
	FIELD(drp_element_disk, size_sectors),
	FIELD(drp_element_disk, data_offset),
	FIELD(drp_element_disk, created),
	FIELD(drp_element_disk, fingerprint),
	FIELD(drp_element_disk, active_extents_max),
	FIELD(drp_element_disk, read_policy),
	FIELD(drp_element_disk, fingerprint_valid),
	FIELD(drp_element_disk, reserved),
	FIELD(drp_element_disk, generation),
	FIELD(drp_element_disk, parent_element),
	FIELD(drp_element_disk, parent_generation),
	FIELD(drp_element_disk, uuid),
	FIELD(drp_element_disk, wwid),
	FIELD(drp_element_disk, name),
	FIELD(drp_element_disk, identity),
	WHOLE(drp_element_disk),
	FIELD(drp_sync_disk, id),
	FIELD(drp_sync_disk, source_id),
	FIELD(drp_sync_disk, target_id),
	FIELD(drp_sync_disk, sync_type),
	FIELD(drp_sync_disk, mode),
	FIELD(drp_sync_disk, copy_state),
	FIELD(drp_sync_disk, requested_copy_state),
	FIELD(drp_sync_disk, progress_status),
	FIELD(drp_sync_disk, recovery_mode),
	FIELD(drp_sync_disk, copy_priority),
	FIELD(drp_sync_disk, target_consistent),
	FIELD(drp_sync_disk, in_sync),
	FIELD(drp_sync_disk, source_changed),
	FIELD(drp_sync_disk, target_changed),
	FIELD(drp_sync_disk, partitioned),
	FIELD(drp_sync_disk, reverse),
	FIELD(drp_sync_disk, failed_copy_stops_host_io),
	FIELD(drp_sync_disk, auto_delete),
	FIELD(drp_sync_disk, initial_copy),
	FIELD(drp_sync_disk, partial),
	FIELD(drp_sync_disk, reserved),
	FIELD(drp_sync_disk, rate_limit),
	FIELD(drp_sync_disk, job_id),
	FIELD(drp_sync_disk, when_established),
	FIELD(drp_sync_disk, when_activated),
	FIELD(drp_sync_disk, when_deactivated),
	FIELD(drp_sync_disk, when_suspended),
	FIELD(drp_sync_disk, when_synced),
	FIELD(drp_sync_disk, when_synchronized),
	FIELD(drp_sync_disk, group_sync_id),
	FIELD(drp_sync_disk, cut_id),
	FIELD(drp_sync_disk, gen_start),
	FIELD(drp_sync_disk, epoch),
	FIELD(drp_sync_disk, undo_sync_id),
	FIELD(drp_sync_disk, generation_current),
	FIELD(drp_sync_disk, generation_base),
	FIELD(drp_sync_disk, name),
	FIELD(drp_sync_disk, error_text),
	WHOLE(drp_sync_disk),
	FIELD(drp_group_disk, id),
	FIELD(drp_group_disk, name),
	FIELD(drp_group_disk, nr_members),
	FIELD(drp_group_disk, reserved),
	FIELD_OPEN(drp_group_disk, members),
	WHOLE(drp_group_disk),
	FIELD(drp_aspect_disk, id),
	FIELD(drp_aspect_disk, source_id),
	FIELD(drp_aspect_disk, target_id),
	FIELD(drp_aspect_disk, sync_id),
	FIELD(drp_aspect_disk, when_synced),
	FIELD(drp_aspect_disk, created),
	FIELD(drp_aspect_disk, generation),
	FIELD(drp_aspect_disk, sync_type),
	FIELD(drp_aspect_disk, reserved),
	FIELD(drp_aspect_disk, name),
	FIELD(drp_aspect_disk, source_name),
	FIELD(drp_aspect_disk, target_name),
	WHOLE(drp_aspect_disk),
	FIELD(drp_object_del_disk, kind),
	FIELD(drp_object_del_disk, reserved),
	FIELD(drp_object_del_disk, id),
	WHOLE(drp_object_del_disk),
	FIELD(drp_activate_disk, element_id),
	FIELD(drp_activate_disk, first),
	FIELD(drp_activate_disk, count),
	WHOLE(drp_activate_disk),
	FIELD(drp_c_clear_disk, sync_id),
	FIELD(drp_c_clear_disk, first),
	FIELD(drp_c_clear_disk, count),
	WHOLE(drp_c_clear_disk),
	FIELD(drp_plane_all_disk, sync_id),
	FIELD(drp_plane_all_disk, plane),
	FIELD(drp_plane_all_disk, value),
	WHOLE(drp_plane_all_disk),
	FIELD(drp_plane_root_disk, sync_id),
	FIELD(drp_plane_root_disk, first),
	FIELD(drp_plane_root_disk, plane),
	FIELD(drp_plane_root_disk, nr_entries),
	FIELD_OPEN(drp_plane_root_disk, entries),
	WHOLE(drp_plane_root_disk),
	FIELD(drp_cut_disk, cut_id),
	FIELD(drp_cut_disk, nr_members),
	FIELD(drp_cut_disk, reserved),
	FIELD_OPEN(drp_cut_disk, members),
	WHOLE(drp_cut_disk),
	FIELD(drp_confirm_disk, cut_id),
	FIELD(drp_confirm_disk, nested_bytes),
	FIELD(drp_confirm_disk, reserved),
	FIELD_OPEN(drp_confirm_disk, nested),
	WHOLE(drp_confirm_disk),
	FIELD(drp_cow_entry_disk, element_id),
	FIELD(drp_cow_entry_disk, chunk),
	FIELD(drp_cow_entry_disk, generation),
	FIELD(drp_cow_entry_disk, where),
	WHOLE(drp_cow_entry_disk),
	FIELD(drp_cow_child_disk, element_id),
	FIELD(drp_cow_child_disk, chunk),
	FIELD(drp_cow_child_disk, generation),
	FIELD(drp_cow_child_disk, block),
	FIELD(drp_cow_child_disk, seq),
	WHOLE(drp_cow_child_disk),
	FIELD(drp_cow_put_disk, entry),
	FIELD(drp_cow_put_disk, crc),
	FIELD(drp_cow_put_disk, reserved),
	WHOLE(drp_cow_put_disk),
	FIELD(drp_cow_del_disk, element_id),
	FIELD(drp_cow_del_disk, chunk),
	FIELD(drp_cow_del_disk, generation),
	WHOLE(drp_cow_del_disk),
	FIELD(drp_cow_root_disk, block),
	FIELD(drp_cow_root_disk, seq),
	FIELD(drp_cow_root_disk, entries),
	FIELD(drp_cow_root_disk, nodes),
	FIELD(drp_cow_root_disk, height),
	FIELD(drp_cow_root_disk, reserved),
	WHOLE(drp_cow_root_disk),
	FIELD(drp_cow_label_disk, h),
	FIELD(drp_cow_label_disk, magic),
	FIELD(drp_cow_label_disk, uuid),
	FIELD(drp_cow_label_disk, chunk_sectors),
	FIELD(drp_cow_label_disk, reserved),
	WHOLE(drp_cow_label_disk),
	FIELD(drp_commit_disk, nr_blocks),
	FIELD(drp_commit_disk, flags),
	FIELD(drp_commit_disk, confirmed),
	FIELD(drp_commit_disk, epoch),
	WHOLE(drp_commit_disk),
	FIELD(drp_catalog_disk, nr_records),
	FIELD(drp_catalog_disk, flags),
	FIELD(drp_catalog_disk, activation),
	WHOLE(drp_catalog_disk),
	FIELD(drp_dir_entry_disk, where),
	FIELD(drp_dir_entry_disk, seq),
	WHOLE(drp_dir_entry_disk),
};

static char *document;

static int read_document(void **state)
{
	FILE *f = fopen(TEST_DIR "/../../Documentation/on-disk-format.rst", "r");
	size_t len;

	(void)state;
	document = calloc(1, 1 << 20);
	if (!f || !document)
		return -1;
	len = fread(document, 1, (1 << 20) - 1, f);
	fclose(f);
	return len ? 0 : -1;
}

static int free_document(void **state)
{
	(void)state;
	free(document);
	return 0;
}

/* The text that describes a structure: from its heading to the next one. */
static char *section(const char *structure, size_t size)
{
	char heading[96], *start, *end;

	snprintf(heading, sizeof(heading), "``struct %s``, %zu bytes::", structure, size);
	start = strstr(document, heading);
	if (!start)
		print_error("missing: %s\n", heading);
	assert_non_null(start);
	end = strstr(start + 1, "\n``struct ");
	return strndup(start, end ? (size_t)(end - start) : strlen(start));
}

static void every_field_is_documented(void **state)
{
	size_t i, of;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		char line[128], size[24] = "...", *text, *found;

		if (!fields[i].field)
			continue;
		for (of = i; fields[of].field; of++)
			;	/* to the entry with the size of this structure */
		if (fields[i].size)
			snprintf(size, sizeof(size), "%zu", fields[i].size);
		snprintf(line, sizeof(line), "\n    %6zu %5s  %s", fields[i].offset, size,
			 fields[i].field);
		text = section(fields[i].structure, fields[of].offset);
		found = strstr(text, line);
		if (!found)
			print_error("struct %s:%s\n", fields[i].structure, line);
		assert_non_null(found);
		assert_true(found[strlen(line)] == ' ' || found[strlen(line)] == '\n');
		free(text);
	}
}

/* A field that is declared but not listed would leave a hole between its neighbours. */
static void the_list_has_no_holes(void **state)
{
	size_t i, at = 0;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		assert_int_equal(fields[i].offset, at);
		at = fields[i].field ? at + fields[i].size : 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_documented),
		cmocka_unit_test(the_list_has_no_holes),
	};

	return cmocka_run_group_tests_name("format-doc", tests, read_document, free_document);
}
