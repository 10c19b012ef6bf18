// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <string.h>
#include <time.h>

#include "beat.h"
#include "msg.h"

/* Far below any lease, as a busy dom0 delays the signs. */
#define BEAT_MS 500

static void *beat_thread(void *arg)
{
	struct beat *beat = arg;
	struct timespec ts;

	pthread_mutex_lock(&beat->lock);
	while (!beat->stop) {
		if (!beat->held)
			beat->sign(beat->arg);
		clock_gettime(CLOCK_MONOTONIC, &ts);
		ts.tv_nsec += BEAT_MS * 1000000L;
		ts.tv_sec += ts.tv_nsec / 1000000000L;
		ts.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&beat->wake, &beat->lock, &ts);
	}
	pthread_mutex_unlock(&beat->lock);
	return NULL;
}

int beat_start(struct beat *beat, void (*sign)(void *arg), void *arg)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	int ret;

	memset(beat, 0, sizeof(*beat));
	beat->sign = sign;
	beat->arg = arg;
	pthread_mutex_init(&beat->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&beat->wake, &attr);
	pthread_condattr_destroy(&attr);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&beat->thread, NULL, beat_thread, beat);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret) {
		pthread_cond_destroy(&beat->wake);
		pthread_mutex_destroy(&beat->lock);
		return msg_error("cannot start a thread: %s", strerror(ret));
	}
	beat->beating = true;
	return 0;
}

void beat_hold(struct beat *beat, bool hold)
{
	if (!beat->beating)
		return;
	pthread_mutex_lock(&beat->lock);
	beat->held = hold;
	pthread_cond_signal(&beat->wake);
	pthread_mutex_unlock(&beat->lock);
}

void beat_stop(struct beat *beat)
{
	if (!beat->beating)
		return;
	pthread_mutex_lock(&beat->lock);
	beat->stop = true;
	pthread_cond_signal(&beat->wake);
	pthread_mutex_unlock(&beat->lock);
	pthread_join(beat->thread, NULL);
	pthread_cond_destroy(&beat->wake);
	pthread_mutex_destroy(&beat->lock);
	beat->beating = false;
}
