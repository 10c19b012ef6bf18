// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's pools from one store into an image, and from there into a store again, over the
 * daemon's socket: what was exported is imported, and nothing else.
 */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "diff.h"
#include "domain_file.h"
#include "image/tap.h"
#include "input.h"
#include "pool_export.h"
#include "pool_import.h"
#include "pools.h"
#include "save.h"
#include "signals.h"
#include "tempdir.h"
#include "tmem/server.h"

#define PFNS 200
#define SOCKET_PATH "sock"

/* The domain that is saved, and those that are made. */
#define SAVED 5
#define MADE 6
#define EMPTY 7

static struct machine *m;
static struct save_options opts;
static struct save_result res;
static uint32_t domid;
static pid_t daemon_pid;

static int identify(struct tmem_host *host, uint32_t id, uint8_t uuid[16])
{
	(void)host;
	memset(uuid, id, 16);
	return id >= SAVED && id <= EMPTY ? 0 : -1;
}

static bool connected(struct tmem_host *host, uint32_t id)
{
	(void)host;
	return id == SAVED;
}

static const struct tmem_host_ops host_ops = { .identify = identify, .connected = connected };
static struct tmem_host host = { .ops = &host_ops };

static void fill(struct tmem_store *store)
{
	static const uint8_t none[16];
	uint8_t page[PAGE_BYTES], uuid[16];
	struct tmem_domain *d;
	bool created;
	uint32_t i;

	identify(&host, SAVED, uuid);
	d = tmem_domain_get(store, SAVED, uuid);
	tmem_pool_new(d, 3, STILLPOINT_TMEM_POOL_PERSISTENT | STILLPOINT_TMEM_POOL_4K, none,
		      &created);
	tmem_pool_new(d, 9, STILLPOINT_TMEM_POOL_4K, none, &created);
	for (i = 0; i < 300; i++) {
		pools_fill(page, i + 1);
		tmem_put(d, i % 5 ? 3 : 9, i % 3, i, page);
	}
}

/* One connection, until it ends. */
static void serve_one(struct tmem_store *store, int fd)
{
	static uint64_t message[TMEM_MSG_MAX / 8], reply[TMEM_MSG_MAX / 8];
	struct tmem_client *client = tmem_client_new(store, &host);
	ssize_t n;

	while ((n = recv(fd, message, sizeof(message), 0)) > 0) {
		n = tmem_client_message(client, message, n, reply);
		if (n < 0 || send(fd, reply, n, MSG_NOSIGNAL) != n)
			break;
	}
	tmem_client_free(client);
	close(fd);
}

static void serve(int fd, uint64_t limit, bool full)
{
	const struct tmem_store_options how = {
		.limit = limit,
		.codec = { .codec = STILLPOINT_CODEC_LZ4 },
	};
	struct tmem_store *store = tmem_store_open("store", &how);

	if (full)
		fill(store);
	for (;;)
		serve_one(store, accept(fd, NULL, NULL));
}

static void start_daemon(uint64_t mib, bool full)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = SOCKET_PATH };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	daemon_pid = fork();
	if (!daemon_pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGTERM, SIG_DFL);
		serve(fd, mib << 20, full);
	}
	close(fd);
}

static void stop_daemon(void)
{
	if (!daemon_pid)
		return;
	kill(daemon_pid, SIGKILL);
	assert_int_equal(waitpid(daemon_pid, NULL, 0), daemon_pid);
	daemon_pid = 0;
	unlink(SOCKET_PATH);
}

static int open_pools(struct machine *mach, bool ephemeral, struct pool_export **exp)
{
	(void)mach;
	return pool_export_open(SOCKET_PATH, domid, ephemeral, domid == SAVED, exp);
}

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	signals_catch();
	signals_reset();
	msg_error_clear();
	m = machine_build(PFNS);
	machine_track(m);
	m->tmem = open_pools;
	domid = SAVED;
	memset(&opts, 0, sizeof(opts));
	opts.path = "image";
	opts.park_timeout_ms = 200;
	opts.deadline_ms = 200;
	opts.track = &tracker_guest;
	opts.max_rounds = 3;
	opts.threads = 1;
	opts.staging = UINT64_C(1) << 30;
	opts.image.layout = IMAGE_PACKED;
	opts.image.compress.codec = STILLPOINT_CODEC_LZ4;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stop_daemon();
	machine_free(m);
	tempdir_leave();
	signals_reset();
	msg_error_clear();
	return 0;
}

static int save_as(const char *path, uint32_t id)
{
	domid = id;
	opts.path = path;
	return save_run(&m->dom, &opts, &res);
}

static int give(void *data, const struct image_tmem *part)
{
	return pool_import_take(data, part);
}

static int nothing_head(struct image *img, const struct image_head *head)
{
	(void)img;
	(void)head;
	return 0;
}

static int nothing_p2m(struct image *img, const struct image_p2m *p2m)
{
	(void)img;
	(void)p2m;
	return 0;
}

static int nothing_page(struct image *img, const struct image_page *page)
{
	(void)img;
	(void)page;
	return 0;
}

static int nothing_flush(struct image *img)
{
	(void)img;
	return 0;
}

static int nothing_tail(struct image *img, const struct image_tail *tail)
{
	(void)img;
	(void)tail;
	return 0;
}

static const struct image_ops nothing = {
	.head = nothing_head,
	.p2m = nothing_p2m,
	.page = nothing_page,
	.flush = nothing_flush,
	.tail = nothing_tail,
};

/* As a restore does it: all of the pools, then a domain for them. */
static int restore(const char *path, struct pool_import *imp, uint32_t id)
{
	struct image nowhere = { .ops = &nothing };
	struct input in;
	struct tap tap;
	int ret;

	tap_init(&tap, &nowhere);
	tap.tmem = give;
	tap.data = imp;
	ret = pool_import_open(imp, SOCKET_PATH) || input_open(&in, path, NULL) ||
	      input_read(&in, 1, &tap.img);
	input_close(&in);
	if (ret || pool_import_end(imp) || !imp->ended)
		return -1;
	return pool_import_bind(imp, imp->token, id);
}

static void assert_same_pools(const char *a, const char *b, uint64_t pages)
{
	struct diff *d = diff_new();
	struct diff_result diff;
	struct input in;

	assert_non_null(d);
	assert_works(input_open(&in, a, NULL));
	assert_works(input_read(&in, 1, diff_first(d)));
	input_close(&in);
	assert_works(input_open(&in, b, NULL));
	assert_works(input_read(&in, 1, diff_second(d)));
	input_close(&in);
	diff_finish(d, &diff);
	diff_free(d);
	assert_int_equal(diff.tmem.same, pages);
	assert_int_equal(diff.tmem.content, 0);
	assert_int_equal(diff.tmem.only[0], 0);
	assert_int_equal(diff.tmem.only[1], 0);
	assert_false(diff.tmem.pools);
}

static void pools_come_back(void **state)
{
	struct pool_import imp;

	(void)state;
	opts.ephemeral = true;
	start_daemon(64, true);
	assert_works(save_as("image", SAVED));
	assert_true(res.tmem.any);
	assert_int_equal(res.tmem.sum.persistent, 240);
	assert_int_equal(res.tmem.sum.ephemeral, 60);
	assert_works(restore("image", &imp, MADE));
	pool_import_close(&imp);
	assert_works(save_as("again", MADE));
	assert_same_pools("image", "again", 300);
	/* A domain that has pools gets no others. */
	assert_fails(restore("image", &imp, MADE), "has tmem pools already");
	pool_import_close(&imp);
}

/* Also in a store that has nothing of them, from an image without what may be lost. */
static void pools_come_to_another_store(void **state)
{
	struct pool_import imp;

	(void)state;
	start_daemon(64, true);
	opts.image.layout = IMAGE_MAPPED;
	assert_works(save_as("image", SAVED));
	assert_int_equal(res.tmem.sum.ephemeral, 0);
	stop_daemon();
	assert_int_equal(system("rm -r store"), 0);
	start_daemon(64, false);
	assert_works(restore("image", &imp, MADE));
	pool_import_close(&imp);
	assert_works(save_as("again", MADE));
	assert_same_pools("image", "again", 240);
}

/* A restore that fails, or is killed, leaves nothing in the store. */
static void import_that_is_not_bound_is_dropped(void **state)
{
	struct pool_import imp;

	(void)state;
	start_daemon(64, true);
	assert_works(save_as("image", SAVED));
	assert_fails(restore("image", &imp, 99), "no such domain");
	pool_import_close(&imp);
	assert_works(save_as("none", MADE));
	assert_false(res.tmem.any);
}

static void domain_without_pools_has_none(void **state)
{
	(void)state;
	start_daemon(64, true);
	assert_works(save_as("image", EMPTY));
	assert_false(res.tmem.any);
	assert_int_equal(res.tmem.hold_us, 0);
}

static void no_daemon_is_needed_for_nothing(void **state)
{
	(void)state;
	assert_works(save_as("image", EMPTY));
	assert_fails(save_as("image2", SAVED), "start 'stillpoint tmem serve'");
	assert_int_equal(m->total_pauses, 1);
}

static void daemon_that_is_missing_is_told(void **state)
{
	struct pool_import imp;

	(void)state;
	start_daemon(64, true);
	assert_works(save_as("image", SAVED));
	stop_daemon();
	assert_fails(restore("image", &imp, MADE), "start 'stillpoint tmem serve'");
	pool_import_close(&imp);
	/* Of an image without pools nobody asks for one. */
	assert_works(save_as("none", EMPTY));
	assert_works(pool_import_open(&imp, SOCKET_PATH));
	assert_works(pool_import_end(&imp));
	pool_import_close(&imp);
}

static void store_without_room_is_told(void **state)
{
	struct stillpoint_tmem_pools head = { .codecs = 1, .persistent = 1, .bytes = 1ull << 30 };
	struct pool_import imp;

	(void)state;
	start_daemon(4, true);
	assert_works(pool_import_open(&imp, SOCKET_PATH));
	assert_fails(pool_import_begin(&imp, &head), "no room");
	head.bytes = 0;
	head.persistent = 1ull << 40;
	assert_fails(pool_import_begin(&imp, &head), "no room");
	head.persistent = 5;
	assert_works(pool_import_begin(&imp, &head));
	pool_import_close(&imp);
}

/* Killed at any time while it is exported: the save fails, and the guest runs on. */
static void daemon_that_ends_fails_the_save(void **state)
{
	struct pool_export *exp;
	struct pool_batch batch;

	(void)state;
	start_daemon(64, true);
	assert_works(pool_export_open(SOCKET_PATH, SAVED, false, true, &exp));
	assert_works(exp->ops->next(exp, &batch));
	stop_daemon();
	assert_fails(exp->ops->next(exp, &batch), "tmem store");
	assert_fails(exp->ops->hold(exp), "tmem store");
	assert_fails(exp->ops->release(exp), "tmem store");
	assert_fails(exp->ops->released(exp), "tmem store");
	exp->ops->close(exp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pools_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(pools_come_to_another_store, setup, teardown),
		cmocka_unit_test_setup_teardown(import_that_is_not_bound_is_dropped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(domain_without_pools_has_none, setup, teardown),
		cmocka_unit_test_setup_teardown(no_daemon_is_needed_for_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(daemon_that_is_missing_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(store_without_room_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(daemon_that_ends_fails_the_save, setup, teardown),
	};

	return cmocka_run_group_tests_name("pool_socket", tests, NULL, NULL);
}
