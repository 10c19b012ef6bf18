// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stdlib.h>

#include "sender.h"

/* An image that counts what comes, and in which way. */
struct counted {
	struct image img;
	unsigned int pages;
	unsigned int copied;
	unsigned int flushes;
	bool fails;
};

static uint8_t guest[SENDER_PAGES][PAGE_BYTES];
static struct counted counted;
static struct copier copier;
static struct sender sender;

static int count_page(struct image *img, const struct image_page *page)
{
	(void)img;
	assert_memory_equal(page->data, guest[page->pfn % SENDER_PAGES], PAGE_BYTES);
	counted.pages++;
	return counted.fails ? msg_error("no more") : 0;
}

static int count_copy(struct image *img, const uint32_t *pfns, const uint8_t *const *src, size_t n)
{
	size_t i;

	(void)img;
	for (i = 0; i < n; i++)
		assert_ptr_equal(src[i], guest[pfns[i] % SENDER_PAGES]);
	counted.copied += n;
	return counted.fails ? msg_error("no more") : 0;
}

static int count_flush(struct image *img)
{
	(void)img;
	counted.flushes++;
	return 0;
}

static const struct image_ops copies_itself = {
	.page = count_page,
	.copy = count_copy,
	.flush = count_flush,
};

static const struct image_ops is_given_pages = {
	.page = count_page,
	.flush = count_flush,
};

static void begin(const struct image_ops *ops)
{
	unsigned int i;

	for (i = 0; i < SENDER_PAGES; i++)
		memset(guest[i], i + 1, PAGE_BYTES);
	counted = (struct counted){ .img.ops = ops };
	assert_works(copier_start(&copier, 2));
	assert_works(sender_init(&sender, &copier, &counted.img));
}

static void end(void)
{
	sender_free(&sender);
	copier_stop(&copier);
}

/* Of a test that failed. */
static int teardown(void **state)
{
	(void)state;
	end();
	return 0;
}

static int put(unsigned int n)
{
	struct sender_slot *slot = sender_get(&sender);
	unsigned int i;

	if (!slot)
		return -1;
	for (i = 0; i < n; i++) {
		slot->pfn[i] = i;
		slot->src[i] = guest[i];
	}
	slot->n = n;
	return sender_put(&sender, slot);
}

static void image_copies_all_but_what_is_measured(void **state)
{
	unsigned int i;

	(void)state;
	begin(&copies_itself);
	sender_measure(&sender);
	for (i = 0; i < 10; i++)
		assert_works(put(SENDER_PAGES));
	assert_works(sender_drain(&sender));
	assert_int_equal(counted.pages, SENDER_SAMPLES * SENDER_PAGES);
	assert_int_equal(counted.copied, (10 - SENDER_SAMPLES) * SENDER_PAGES);
	assert_true(sender.cost.best_ns > 0);
	/* Nobody asks for it in the pause. */
	assert_works(put(SENDER_PAGES));
	assert_works(sender_drain(&sender));
	assert_int_equal(counted.pages, SENDER_SAMPLES * SENDER_PAGES);
	end();
}

/* Buffers that turn out to be empty, or nearly, leave the cost to be measured by others. */
static void few_pages_tell_little(void **state)
{
	unsigned int i;

	(void)state;
	begin(&copies_itself);
	sender_measure(&sender);
	for (i = 0; i < 20; i++)
		assert_works(put(0));
	assert_int_equal(counted.pages + counted.copied, 0);
	assert_int_equal(sender.cost.best_ns, 0);
	for (i = 0; i < 1000 && !sender.cost.best_ns; i++)
		assert_works(put(COPIER_COST_PAGES - 1));
	assert_true(sender.cost.best_ns > 0);
	sender.cost.best_ns = UINT64_MAX;
	counted.copied = 0;
	assert_works(put(1));
	assert_int_equal(counted.copied, 1);
	for (i = 0; i < SENDER_SAMPLES; i++)
		assert_works(put(COPIER_COST_PAGES));
	assert_int_equal(counted.copied, 1);
	assert_works(put(COPIER_COST_PAGES));
	assert_int_equal(counted.copied, 1 + COPIER_COST_PAGES);
	assert_true(sender.cost.best_ns < UINT64_MAX);
	assert_works(sender_drain(&sender));
	end();
}

static void image_is_given_copies_in_order(void **state)
{
	unsigned int i;

	(void)state;
	begin(&is_given_pages);
	for (i = 0; i < 3 * SENDER_SLOTS; i++)
		assert_works(put(i % SENDER_PAGES));
	assert_works(sender_drain(&sender));
	assert_int_equal(counted.pages, 3 * SENDER_SLOTS * (3 * SENDER_SLOTS - 1) / 2);
	assert_true(counted.flushes >= 3 * SENDER_SLOTS - 1);
	end();
}

static void errors_are_told(void **state)
{
	(void)state;
	begin(&copies_itself);
	counted.fails = true;
	assert_fails(put(SENDER_PAGES), "no more");
	sender_measure(&sender);
	assert_works(put(SENDER_PAGES));
	assert_fails(put(SENDER_PAGES), "no more");
	end();
	begin(&is_given_pages);
	counted.fails = true;
	assert_works(put(SENDER_PAGES));
	assert_fails(sender_drain(&sender), "no more");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(image_copies_all_but_what_is_measured, teardown),
		cmocka_unit_test_teardown(few_pages_tell_little, teardown),
		cmocka_unit_test_teardown(image_is_given_copies_in_order, teardown),
		cmocka_unit_test_teardown(errors_are_told, teardown),
	};

	return cmocka_run_group_tests_name("sender", tests, NULL, NULL);
}
