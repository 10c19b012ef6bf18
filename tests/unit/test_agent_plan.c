// SPDX-License-Identifier: GPL-2.0
/* The agent's table of mounts, and which file systems it has frozen in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan.h"

static const char pseudo[] = "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\n\text4\n\txfs\n\tbtrfs\n"
			     "nodev\toverlay\nnodev\tzfs\n";

/* A guest with something of each kind. */
static const char usual[] =
	"21 26 0:20 / /sys rw,nosuid shared:7 - sysfs none rw\n"
	"26 1 202:0 / / rw,relatime shared:1 - ext4 /dev/xvda rw,errors=remount-ro\n"
	"27 26 0:24 / /run rw shared:5 - tmpfs none rw,size=1k\n"
	"30 26 202:16 / /data rw,noatime - ext4 /dev/xvdb rw\n"
	"31 26 0:40 / /srv ro - nfs4 host:/srv rw,vers=4.2\n"
	"32 26 0:41 / /home/a rw - fuse.sshfs b:/ rw\n"
	"33 26 202:0 /var/lib /mnt/bound\\040one ro - ext4 /dev/xvda rw\n"
	"34 26 253:0 / /cd rw - xfs /dev/mapper/cd ro,attr2\n"
	"35 26 7:0 / /loop rw - xfs /dev/loop0 rw\n";

static void parse(struct mounts *mounts, const char *text)
{
	assert_int_equal(mounts_parse(mounts, strdup(text)), 0);
}

static void plan_text(struct plan *plan, struct mounts *mounts, const char *text,
		      const struct plan_rules *rules)
{
	parse(mounts, text);
	assert_int_equal(plan_make(plan, mounts, rules), 0);
}

static void release(struct plan *plan, struct mounts *mounts)
{
	plan_free(plan);
	mounts_free(mounts);
}

static void entry_is(const struct plan *plan, size_t i, const char *point, enum plan_class class)
{
	assert_true(i < plan->count);
	assert_string_equal(plan->all[i].mount->point, point);
	assert_int_equal(plan->all[i].class, class);
}

static void lines_are_taken_apart(void **state)
{
	struct mounts mounts;

	(void)state;
	parse(&mounts, usual);
	assert_int_equal(mounts.count, 9);
	assert_int_equal(mounts.all[1].id, 26);
	assert_int_equal(mounts.all[1].parent, 1);
	assert_int_equal(mounts.all[8].parent, 26);
	assert_int_equal(mounts.all[1].dev_major, 202);
	assert_int_equal(mounts.all[1].dev_minor, 0);
	assert_string_equal(mounts.all[1].type, "ext4");
	assert_string_equal(mounts.all[1].source, "/dev/xvda");
	assert_string_equal(mounts.all[6].point, "/mnt/bound one");
	mounts_free(&mounts);
}

static void what_has_disks_without_naming_them_is_not_passed_over(void **state)
{
	const struct plan_rules rules = { .pseudo = pseudo };
	struct mounts mounts;
	struct plan plan;

	(void)state;
	plan_text(&plan, &mounts, "30 1 0:33 / /tank rw shared:1 - zfs tank rw,xattr\n", &rules);
	assert_int_equal(plan.freeze, 1);
	entry_is(&plan, 0, "/tank", PLAN_FREEZE);
	release(&plan, &mounts);
}

static void only_the_file_systems_own_option_is_read_only(void **state)
{
	struct mounts mounts;

	(void)state;
	parse(&mounts, usual);
	/* errors=remount-ro is not; nor is a mount that is ro of one that is rw. */
	assert_false(mounts.all[1].read_only);
	assert_false(mounts.all[6].read_only);
	assert_true(mounts.all[7].read_only);
	mounts_free(&mounts);
}

static void broken_lines_are_refused(void **state)
{
	static const char *const lines[] = {
		"\n",
		"26 1 202:0 / / rw\n",
		"26 1 202:0 / / rw shared:1 ext4 /dev/xvda rw\n",
		"26 1 202:0 / / rw - ext4 /dev/xvda\n",
		"x 1 202:0 / / rw - ext4 /dev/xvda rw\n",
		"26 x 202:0 / / rw - ext4 /dev/xvda rw\n",
		"26 1 202 / / rw - ext4 /dev/xvda rw\n",
		"26 1 202:0x / / rw - ext4 /dev/xvda rw\n",
	};
	struct mounts mounts;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_not_equal(mounts_parse(&mounts, strdup(lines[i])), 0);
		mounts_free(&mounts);
	}
}

static void each_is_frozen_once_the_last_mounted_first(void **state)
{
	const struct plan_rules rules = { .pseudo = pseudo };
	struct mounts mounts;
	struct plan plan;

	(void)state;
	plan_text(&plan, &mounts, usual, &rules);
	assert_int_equal(plan.freeze, 4);
	assert_int_equal(plan.count, 8);
	entry_is(&plan, 0, "/loop", PLAN_FREEZE);
	entry_is(&plan, 1, "/cd", PLAN_FREEZE);
	entry_is(&plan, 2, "/data", PLAN_FREEZE);
	entry_is(&plan, 3, "/", PLAN_FREEZE);
	entry_is(&plan, 4, "/sys", PLAN_PSEUDO);
	entry_is(&plan, 5, "/run", PLAN_PSEUDO);
	entry_is(&plan, 6, "/srv", PLAN_NETWORK);
	entry_is(&plan, 7, "/home/a", PLAN_USERSPACE);
	release(&plan, &mounts);
}

static void excluded_by_type_and_by_any_of_its_paths(void **state)
{
	static const char *const excludes[] = { "xfs",	  "/mnt/bound one//", "/dat",
						"/data1", "/data/x",	      NULL };
	const struct plan_rules rules = { .pseudo = pseudo, .excludes = excludes };
	struct mounts mounts;
	struct plan plan;

	(void)state;
	plan_text(&plan, &mounts, usual, &rules);
	assert_int_equal(plan.freeze, 1);
	entry_is(&plan, 0, "/data", PLAN_FREEZE);
	entry_is(&plan, 2, "/", PLAN_EXCLUDED);
	entry_is(&plan, 6, "/cd", PLAN_EXCLUDED);
	entry_is(&plan, 7, "/loop", PLAN_EXCLUDED);
	release(&plan, &mounts);
}

static void a_path_with_nothing_mounted_is_told_from_others(void **state)
{
	const struct plan_rules rules = { .pseudo = pseudo };
	struct mounts mounts;
	struct plan plan;

	(void)state;
	plan_text(&plan, &mounts, usual, &rules);
	assert_true(plan_has_path(&plan, "/"));
	assert_true(plan_has_path(&plan, "//"));
	assert_true(plan_has_path(&plan, "/data"));
	assert_true(plan_has_path(&plan, "/data/"));
	assert_true(plan_has_path(&plan, "/sys"));
	assert_false(plan_has_path(&plan, "/dat"));
	assert_false(plan_has_path(&plan, "/data1"));
	assert_false(plan_has_path(&plan, "/data/x"));
	assert_false(plan_has_path(&plan, ""));
	release(&plan, &mounts);
}

/* The image of /a is a file in /b, that of /b one in /c; they were mounted in this order. */
static const char nested[] = "1 0 7:1 / /a rw - ext4 /dev/loop1 rw\n"
			     "2 0 7:2 / /b rw - ext4 /dev/loop2 rw\n"
			     "3 0 8:0 / /c rw - ext4 /dev/sda rw\n";

static void backing_nested(const struct mounts *mounts, const struct mount *mount,
			   void (*found)(void *to, const struct mount *backing), void *to)
{
	if (mount->dev_major == 7)
		found(to, mount + 1);
	(void)mounts;
}

static void backing_circle(const struct mounts *mounts, const struct mount *mount,
			   void (*found)(void *to, const struct mount *backing), void *to)
{
	found(to, &mounts->all[(size_t)(mount - mounts->all + 1) % mounts->count]);
}

static void image_is_frozen_before_what_it_lies_in(void **state)
{
	const struct plan_rules rules = { .pseudo = pseudo, .backing = backing_nested };
	struct mounts mounts;
	struct plan plan;

	(void)state;
	plan_text(&plan, &mounts, nested, &rules);
	entry_is(&plan, 0, "/a", PLAN_FREEZE);
	entry_is(&plan, 1, "/b", PLAN_FREEZE);
	entry_is(&plan, 2, "/c", PLAN_FREEZE);
	release(&plan, &mounts);
}

static void circle_is_frozen_all_the_same(void **state)
{
	const struct plan_rules rules = { .pseudo = pseudo, .backing = backing_circle };
	struct mounts mounts;
	struct plan plan;

	(void)state;
	plan_text(&plan, &mounts, nested, &rules);
	assert_int_equal(plan.freeze, 3);
	/* Where it was cut open, and then as each demands. */
	entry_is(&plan, 0, "/c", PLAN_FREEZE);
	entry_is(&plan, 1, "/a", PLAN_FREEZE);
	entry_is(&plan, 2, "/b", PLAN_FREEZE);
	release(&plan, &mounts);
}

/* In the table @text, a walk along @path ends in the mount @id, 0 for none that it has. */
static void walk_ends(const char *text, const char *path, unsigned int id, bool is_remote)
{
	const struct mount *mount;
	struct mounts mounts;
	bool remote;

	parse(&mounts, text);
	mount = plan_walk(&mounts, path, &remote);
	assert_int_equal(mount ? mount->id : 0, id);
	assert_int_equal(remote, is_remote);
	mounts_free(&mounts);
}

#define ROOT "26 1 202:0 / / rw - ext4 /dev/xvda rw\n"

static void walk_ends_at_the_mount_that_is_seen(void **state)
{
	static const char table[] = ROOT "30 26 202:16 / /data rw - ext4 /dev/xvdb rw\n"
					 "31 30 202:32 / /data/a\\040b rw - xfs /dev/xvdc rw\n"
					 "32 26 202:0 /var /mnt rw - ext4 /dev/xvda rw\n";

	(void)state;
	walk_ends(table, "/", 26, false);
	walk_ends(table, "/data", 30, false);
	walk_ends(table, "/database", 26, false);
	walk_ends(table, "/data/a", 30, false);
	walk_ends(table, "/data/a b", 31, false);
	walk_ends(table, "/data/a b/c", 31, false);
	walk_ends(table, "/mnt", 32, false);
	walk_ends(usual, "/data", 30, false);
	walk_ends(usual, "/loop", 35, false);
}

static void walk_ends_at_what_covers_a_mount(void **state)
{
	static const char table[] = ROOT "30 26 202:16 / /data rw - ext4 /dev/xvdb rw\n"
					 "31 26 202:32 / /a/b/c rw - xfs /dev/xvdc rw\n"
					 "40 30 0:40 / /data rw - nfs4 host:/ rw\n"
					 "41 26 202:48 / /a/b rw - ext4 /dev/xvdd rw\n"
					 "42 41 202:64 / /a/b/d rw - ext4 /dev/xvde rw\n"
					 "43 42 202:80 / /a/b/d rw - ext4 /dev/xvdf rw\n";

	(void)state;
	walk_ends(table, "/data", 40, true);
	walk_ends(table, "/a/b/c", 41, false);
	walk_ends(table, "/a/b/d", 43, false);
	walk_ends(table, "/a", 26, false);
}

static void walk_through_another_machine_or_a_process_may_not_end(void **state)
{
	static const char table[] = ROOT "30 26 0:40 / /srv rw - nfs host:/ rw\n"
					 "31 30 202:16 / /srv/a rw - ext4 /dev/xvdb rw\n"
					 "32 26 0:41 / /home rw - fuse.sshfs b:/ rw\n"
					 "33 32 0:24 / /home/b rw - tmpfs none rw\n"
					 "34 33 202:32 / /home/b/c rw - ext4 /dev/xvdc rw\n";

	(void)state;
	walk_ends(table, "/srv/a", 31, true);
	walk_ends(table, "/home/b/c", 34, true);
	walk_ends(table, "/home2", 26, false);
	/* The agent itself is in the root. */
	walk_ends(
		"26 1 0:20 / / rw - nfs4 host:/ rw\n30 26 202:16 / /data rw - ext4 /dev/xvdb rw\n",
		"/data", 30, false);
}

static void walk_begins_at_the_root(void **state)
{
	/* Something is mounted over it, which nobody sees. */
	static const char covered[] = ROOT "30 26 202:16 / /data rw - ext4 /dev/xvdb rw\n"
					   "40 26 0:40 / / rw - nfs4 host:/ rw\n"
					   "41 40 202:32 / /data rw - ext4 /dev/xvdc rw\n";
	/* It is a folder of a mount that is not seen. */
	static const char changed[] = "30 26 202:16 / /data rw - ext4 /dev/xvdb rw\n"
				      "31 30 202:32 / /data/a rw - ext4 /dev/xvdc rw\n"
				      "32 26 202:48 / /b rw - ext4 /dev/xvdd rw\n";

	(void)state;
	walk_ends(covered, "/", 26, false);
	walk_ends(covered, "/data", 30, false);
	walk_ends(changed, "/", 0, false);
	walk_ends(changed, "/data", 30, false);
	walk_ends(changed, "/data/a", 31, false);
	walk_ends(changed, "/b", 32, false);
	/* As the first one of all has itself for a parent. */
	walk_ends("1 1 0:2 / / rw - rootfs none rw\n2 1 202:0 / /b rw - ext4 /dev/xvda rw\n", "/b",
		  2, false);
}

static void walk_in_a_circle_ends(void **state)
{
	static const char table[] = "30 31 202:16 / /a rw - ext4 /dev/xvdb rw\n"
				    "31 30 202:32 / /a rw - ext4 /dev/xvdc rw\n"
				    "32 9 202:32 / /a rw - ext4 /dev/xvdc rw\n"
				    "9 32 202:32 / /a rw - ext4 /dev/xvdc rw\n";
	struct mounts mounts;
	bool remote;

	(void)state;
	parse(&mounts, table);
	plan_walk(&mounts, "/a", &remote);
	mounts_free(&mounts);
	walk_ends("", "/a", 0, false);
}

static void nothing_mounted_is_an_empty_plan(void **state)
{
	const struct plan_rules rules = { .pseudo = pseudo };
	struct mounts mounts;
	struct plan plan;

	(void)state;
	plan_text(&plan, &mounts, "", &rules);
	assert_int_equal(plan.count, 0);
	release(&plan, &mounts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_taken_apart),
		cmocka_unit_test(what_has_disks_without_naming_them_is_not_passed_over),
		cmocka_unit_test(only_the_file_systems_own_option_is_read_only),
		cmocka_unit_test(broken_lines_are_refused),
		cmocka_unit_test(each_is_frozen_once_the_last_mounted_first),
		cmocka_unit_test(excluded_by_type_and_by_any_of_its_paths),
		cmocka_unit_test(a_path_with_nothing_mounted_is_told_from_others),
		cmocka_unit_test(image_is_frozen_before_what_it_lies_in),
		cmocka_unit_test(circle_is_frozen_all_the_same),
		cmocka_unit_test(walk_ends_at_the_mount_that_is_seen),
		cmocka_unit_test(walk_ends_at_what_covers_a_mount),
		cmocka_unit_test(walk_through_another_machine_or_a_process_may_not_end),
		cmocka_unit_test(walk_begins_at_the_root),
		cmocka_unit_test(walk_in_a_circle_ends),
		cmocka_unit_test(nothing_mounted_is_an_empty_plan),
	};

	return cmocka_run_group_tests_name("agent_plan", tests, NULL, NULL);
}
