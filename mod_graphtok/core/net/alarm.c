/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A binary heap. Each entry knows its place, so that clearing it is cheap: almost every alarm of
 * the loop is cleared long before it would ring.
 */

#include "net/alarm.h"

#include <assert.h>
#include <stdlib.h>

static void put(gt_alarms_t *alarms, apr_size_t i, gt_alarm_t *alarm)
{
    alarms->entries[i] = alarm;
    alarm->slot = i + 1;
}

static void rise(gt_alarms_t *alarms, apr_size_t i, gt_alarm_t *alarm)
{
    for (; i > 0 && alarms->entries[(i - 1) / 2]->at > alarm->at; i = (i - 1) / 2)
        put(alarms, i, alarms->entries[(i - 1) / 2]);
    put(alarms, i, alarm);
}

static void sink(gt_alarms_t *alarms, apr_size_t i, gt_alarm_t *alarm)
{
    for (;;) {
        apr_size_t child = 2 * i + 1;

        if (child + 1 < alarms->used && alarms->entries[child + 1]->at < alarms->entries[child]->at)
            child++;
        if (child >= alarms->used || alarms->entries[child]->at >= alarm->at)
            break;
        put(alarms, i, alarms->entries[child]);
        i = child;
    }
    put(alarms, i, alarm);
}

static void make_room(gt_alarms_t *alarms)
{
    if (alarms->used < alarms->room)
        return;
    alarms->room = alarms->room == 0 ? 64 : alarms->room * 2;
    alarms->entries = realloc(alarms->entries, alarms->room * sizeof(gt_alarm_t *));
    if (alarms->entries == NULL)
        abort();
}

void gt_alarm_set(gt_alarms_t *alarms, gt_alarm_t *alarm, apr_time_t at)
{
    assert(alarm->slot == 0);
    make_room(alarms);
    alarm->at = at;
    rise(alarms, alarms->used++, alarm);
}

void gt_alarm_clear(gt_alarms_t *alarms, gt_alarm_t *alarm)
{
    apr_size_t i = alarm->slot - 1;
    gt_alarm_t *last;

    if (alarm->slot == 0)
        return;
    assert(i < alarms->used && alarms->entries[i] == alarm);
    alarm->slot = 0;
    last = alarms->entries[--alarms->used];
    if (last == alarm)
        return;
    if (i > 0 && alarms->entries[(i - 1) / 2]->at > last->at)
        rise(alarms, i, last);
    else
        sink(alarms, i, last);
}

gt_alarm_t *gt_alarm_first(const gt_alarms_t *alarms)
{
    return alarms->used == 0 ? NULL : alarms->entries[0];
}

void gt_alarms_free(gt_alarms_t *alarms)
{
    free(alarms->entries);
    alarms->entries = NULL;
    alarms->used = alarms->room = 0;
}
