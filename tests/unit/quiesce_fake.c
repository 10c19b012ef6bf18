// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <stillpoint/control.h>

#include "clock.h"
#include "msg.h"
#include "quiesce_fake.h"

/**
 * struct page_fake - an open page of a fake
 */
struct page_fake {
	struct quiesce_page page;
	struct quiesce_fake *fake;
};

void quiesce_fake_init(struct quiesce_fake *fake)
{
	memset(fake, 0, sizeof(*fake));
	fake->guest.magic = STILLPOINT_QUIESCE_MAGIC;
	fake->guest.version = STILLPOINT_QUIESCE_VERSION;
	fake->guest.agent = 1;
}

void quiesce_fake_end(struct quiesce_fake *fake, enum stillpoint_quiesce_result result)
{
	fake->guest.result = result;
	fake->guest.error = fake->error;
	fake->guest.held = 0;
	fake->guest.state = STILLPOINT_QUIESCE_IDLE;
	fake->guest.thawed = fake->guest.taken;
	if (!fake->blind)
		fake->guest.looked = fake->guest.taken;
	fake->guest.done = fake->guest.taken;
}

static void fake_take(struct quiesce_fake *fake)
{
	if (fake->module == QUIESCE_SILENT || fake->guest.state != STILLPOINT_QUIESCE_IDLE ||
	    !stillpoint_seq_after(fake->host.request, fake->guest.taken))
		return;
	fake->guest.taken = fake->host.request;
	fake->guest.report_bytes = fake->report ? strlen(fake->report) : 0;
	if (fake->module == QUIESCE_ENDS) {
		quiesce_fake_end(fake, fake->result);
		return;
	}
	fake->rounds++;
	fake->guest.held = 2;
	fake->guest.frozen = 2;
	fake->guest.state = STILLPOINT_QUIESCE_FROZEN;
}

static int fake_notify(struct quiesce_page *page)
{
	struct quiesce_fake *fake = ((struct page_fake *)page)->fake;

	if (fake->guest.state != STILLPOINT_QUIESCE_IDLE && fake->host.thaw == fake->guest.taken) {
		fake->thaws++;
		quiesce_fake_end(fake, fake->mounted ? STILLPOINT_QUIESCE_BROKEN :
						       STILLPOINT_QUIESCE_THAWED);
	}
	fake_take(fake);
	return 0;
}

static int fake_wait(struct quiesce_page *page, uint64_t us)
{
	struct quiesce_fake *fake = ((struct page_fake *)page)->fake;

	if (fake->module == QUIESCE_BREAKS && fake->guest.state == STILLPOINT_QUIESCE_FROZEN &&
	    !fake->looks--)
		quiesce_fake_end(fake, fake->result);
	clock_sleep_us(us);
	return 0;
}

static int fake_report(struct quiesce_page *page, const uint32_t refs[STILLPOINT_REPORT_PAGES],
		       char *text, uint32_t bytes)
{
	(void)refs;
	memcpy(text, ((struct page_fake *)page)->fake->report, bytes);
	return 0;
}

static void fake_close(struct quiesce_page *page)
{
	((struct page_fake *)page)->fake->open--;
	free(page);
}

static const struct quiesce_page_ops fake_ops = {
	.notify = fake_notify,
	.wait = fake_wait,
	.report = fake_report,
	.close = fake_close,
};

int quiesce_fake_open(struct quiesce_fake *fake, enum quiesce_use use, struct quiesce_page **page)
{
	struct page_fake *pf;

	if (fake->fail_map)
		return msg_error("no page");
	pf = calloc(1, sizeof(*pf));
	assert(pf);
	pf->fake = fake;
	pf->page.ops = &fake_ops;
	pf->page.guest = &fake->guest;
	pf->page.host = use == QUIESCE_LOOK ? NULL : &fake->host;
	fake->open++;
	*page = &pf->page;
	return 0;
}
