/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The token cache: what comes back, what must not, and what a look at the segment shows. */

#include "gt_test.h"

#include "base/secret.h"
#include "vault/cache.h"

Suite *suite_cache(void);

#define ROOM 2048
#define TOKEN "eyJ0eXAiOiJKV1QifQ.unmistakable-access-token.signature"
#define HOUR apr_time_from_sec(3600)

static gt_slots_t *slots;
static gt_cache_t *cache;
static unsigned char *memory;
static apr_size_t memory_size;
static unsigned char key[GT_CACHE_KEY_BYTES];

static const gt_owner_t tom = {"tom", "microsoft"};
static const gt_owner_t ada = {"ada", "microsoft"};
static const gt_token_key_t toms = {{"main", {"tom", "microsoft"}}, NULL};
static const gt_token_key_t adas = {{"main", {"ada", "microsoft"}}, NULL};

static void begin(void)
{
    make_pool();
    fake_clock(apr_time_from_sec(1000000));
    memory_size = gt_slots_size(64, ROOM);
    memory = calloc(1, memory_size);
    slots = gt_slots_open(memory, memory_size, 64, ROOM, pool);
    memset(key, 7, sizeof(key));
    cache = gt_cache_make(slots, key, apr_time_from_sec(300), pool);
}

static void end(void)
{
    free(memory);
    drop_pool();
}

static void put_as(const gt_owner_t *owner, const char *token, apr_int64_t generation)
{
    gt_token_t cached = {gt_secret_from(token, pool), gt_now() + HOUR, generation, "User.Read", 1};

    gt_cache_put(cache, &(gt_token_key_t){{"main", *owner}, NULL}, &cached);
}

/* The token of an owner, or NULL. */
static const char *get_as(const char *store, const gt_owner_t *owner)
{
    const gt_token_key_t of_owner = {{store, *owner}, "graph"};
    gt_token_t cached;

    return gt_cache_get(&cached, cache, &of_owner, pool) ? gt_secret_text(cached.access) : NULL;
}

START_TEST(what_is_put_comes_back_whole)
{
    gt_token_t cached = {gt_secret_make("a\0b", 3, pool), gt_now() + HOUR, 42, "Mail.Read a", 7};
    gt_token_t back;

    gt_cache_put(cache, &toms, &cached);
    ck_assert(gt_cache_get(&back, cache, &toms, pool));
    ck_assert(gt_secret_equal(back.access, cached.access));
    ck_assert_int_eq(back.expires_at, cached.expires_at);
    ck_assert_int_eq(back.generation, 42);
    ck_assert_int_eq(back.margin, 7);
    ck_assert_str_eq(back.scope, "Mail.Read a");
    cached.scope = NULL;
    gt_cache_put(cache, &toms, &cached);
    ck_assert(gt_cache_get(&back, cache, &toms, pool));
    ck_assert_str_eq(back.scope, "");
}
END_TEST

/* A request's pool holds what it got until its answer is there: not what a slot has room for. */
static void looks_up_lightly(apr_int64_t room)
{
    gt_token_t cached = {gt_secret_from(TOKEN, pool), gt_now() + HOUR, 1, "", 0}, back;
    apr_size_t size = gt_slots_size(64, room);
    unsigned char *wide = calloc(1, size);
    gt_cache_t *of_wide = gt_cache_make(gt_slots_open(wide, size, 64, room, pool), key, HOUR, pool);
    apr_pool_t *request;
    char *before, *after;

    gt_cache_put(of_wide, &toms, &cached);
    apr_pool_create(&request, NULL);
    before = apr_palloc(request, 1);
    ck_assert(gt_cache_get(&back, of_wide, &toms, request));
    after = apr_palloc(request, 1);
    ck_assert(gt_secret_equal(back.access, cached.access));
    ck_assert(after > before && after - before < 1024);
    apr_pool_destroy(request);
    free(wide);
}

START_TEST(a_look_up_takes_no_memory_but_the_value_s)
{
    looks_up_lightly(6144);
    looks_up_lightly(32768);
}
END_TEST

START_TEST(everybody_gets_their_own)
{
    /* Names that run into each other when they are put one behind the other. */
    static const gt_owner_t tricky = {"micro", "softtom"};
    static const gt_owner_t google = {"tom", "google"};
    static const gt_token_key_t mail = {{"main", {"tom", "microsoft"}}, "mail"};
    gt_token_t other;

    put_as(&tom, "tom's", 1);
    ck_assert_ptr_null(get_as("main", &ada));
    ck_assert_ptr_null(get_as("main", &tricky));
    ck_assert_ptr_null(get_as("main", &google));
    ck_assert_ptr_null(get_as("beta", &tom));
    ck_assert(!gt_cache_get(&other, cache, &mail, pool));
    put_as(&ada, "ada's", 1);
    ck_assert_str_eq(get_as("main", &tom), "tom's");
    ck_assert_str_eq(get_as("main", &ada), "ada's");
    gt_cache_forget(cache, &toms);
    ck_assert_ptr_null(get_as("main", &tom));
    ck_assert_str_eq(get_as("main", &ada), "ada's");
}
END_TEST

START_TEST(test_T7_five_minutes_and_never_past_its_end)
{
    gt_token_t brief = {gt_secret_from("brief", pool), gt_now() + 100, 1, "", 1};
    gt_token_t dead = {gt_secret_from("dead", pool), gt_now(), 2, "", 1};

    put_as(&tom, "long", 1);
    gt_cache_put(cache, &adas, &brief);
    fake_time += 99;
    ck_assert_str_eq(get_as("main", &ada), "brief");
    fake_time += 1;
    ck_assert_ptr_null(get_as("main", &ada));
    gt_cache_put(cache, &adas, &dead);
    ck_assert_ptr_null(get_as("main", &ada));
    fake_time += apr_time_from_sec(300) - 101;
    ck_assert_str_eq(get_as("main", &tom), "long");
    fake_time += 1;
    ck_assert_ptr_null(get_as("main", &tom));
}
END_TEST

static apr_time_t wall_time;

static apr_time_t read_wall_time(void)
{
    return wall_time;
}

/* The wall clock is set forward: the slot is young, the token has ended. */
START_TEST(a_jump_of_the_wall_clock_is_seen)
{
    put_as(&tom, "long", 1);
    wall_time = gt_now() + 2 * HOUR;
    gt_clock_set(read_wall_time, read_fake_time);
    ck_assert_ptr_null(get_as("main", &tom));
}
END_TEST

START_TEST(an_older_generation_does_not_replace_a_newer)
{
    put_as(&tom, "sixth", 6);
    put_as(&tom, "fifth", 5);
    ck_assert_str_eq(get_as("main", &tom), "sixth");
    put_as(&tom, "sixth again", 6);
    ck_assert_str_eq(get_as("main", &tom), "sixth again");
    put_as(&tom, "seventh", 7);
    ck_assert_str_eq(get_as("main", &tom), "seventh");
    gt_cache_forget(cache, &toms);
    put_as(&tom, "first of a new row", 1);
    ck_assert_str_eq(get_as("main", &tom), "first of a new row");
}
END_TEST

START_TEST(too_large_is_counted_and_not_cached)
{
    gt_slots_figures_t figures;
    char *large = apr_pcalloc(pool, ROOM + 1);

    memset(large, 'x', ROOM);
    put_as(&tom, "small", 1);
    put_as(&tom, large, 2);
    ck_assert_ptr_null(get_as("main", &tom));
    gt_slots_figures(&figures, slots);
    ck_assert_int_eq(figures.too_large, 1);
}
END_TEST

START_TEST(names_longer_than_any_are_not_cached)
{
    char *user = apr_pcalloc(pool, 70000);
    gt_owner_t owner = {user, "microsoft"};

    for (apr_size_t len = 900; len < 70000; len = len * 2) {
        memset(user, 'u', len);
        put_as(&owner, "token", 1);
        ck_assert(get_as("main", &owner) == NULL || len < 1024);
        gt_cache_forget(cache, &(gt_token_key_t){{"main", owner}, NULL});
    }
    ck_assert_int_eq(gt_cache_once(cache, user, HOUR), 0);
}
END_TEST

START_TEST(nothing_readable_is_in_the_segment)
{
    put_as(&tom, TOKEN, 1);
    ck_assert_str_eq(get_as("main", &tom), TOKEN);
    ck_assert_ptr_null(memmem(memory, memory_size, "unmistakable", 12));
    ck_assert_ptr_null(memmem(memory, memory_size, "eyJ0", 4));
    ck_assert_ptr_null(memmem(memory, memory_size, "User.Read", 9));
    ck_assert_ptr_null(memmem(memory, memory_size, "tom", 3));
    ck_assert_ptr_null(memmem(memory, memory_size, key, sizeof(key)));
}
END_TEST

/* Each byte of the segment turned over: a miss or the very token, never anything else. */
START_TEST(damage_is_a_miss)
{
    apr_pool_t *lasting = pool;
    int misses = 0;

    put_as(&tom, TOKEN, 1);
    apr_pool_create(&pool, lasting);
    for (apr_size_t i = 0; i < memory_size; i++) {
        const char *token;

        if (memory[i] == 0 && i % 16)
            continue;
        memory[i] ^= 0x41;
        token = get_as("main", &tom);
        ck_assert(token == NULL || strcmp(token, TOKEN) == 0);
        misses += token == NULL;
        memory[i] ^= 0x41;
        apr_pool_clear(pool);
    }
    pool = lasting;
    ck_assert_int_gt(misses, (int)strlen(TOKEN));
}
END_TEST

START_TEST(another_key_opens_nothing)
{
    put_as(&tom, TOKEN, 1);
    key[0] ^= 1;
    cache = gt_cache_make(slots, key, apr_time_from_sec(300), pool);
    ck_assert_ptr_null(get_as("main", &tom));
}
END_TEST

/* Where the value of an owner ends: the last byte that changes when it is put, with new nonces. */
static apr_size_t end_of_value(const gt_owner_t *owner)
{
    unsigned char *before = apr_palloc(pool, memory_size);
    apr_size_t last = 0;

    for (int i = 0; i < 8; i++) {
        memcpy(before, memory, memory_size);
        put_as(owner, TOKEN, 1);
        for (apr_size_t at = last; at < memory_size; at++) {
            if (memory[at] != before[at])
                last = at;
        }
    }
    return last + 1;
}

/* As a process that can write the memory could do it. */
START_TEST(a_value_moved_to_another_user_is_a_miss)
{
    const apr_size_t len = 12 + strlen(TOKEN) + strlen("User.Read") + 3 * 8 + 16;
    apr_size_t of_tom = end_of_value(&tom) - len;
    apr_size_t of_ada = end_of_value(&ada) - len;
    gt_slots_figures_t figures;

    ck_assert_uint_ne(of_tom, of_ada);
    ck_assert_str_eq(get_as("main", &ada), TOKEN);
    memcpy(memory + of_ada, memory + of_tom, len);
    ck_assert_ptr_null(get_as("main", &ada));
    ck_assert_str_eq(get_as("main", &tom), TOKEN);
    gt_slots_figures(&figures, slots);
    /* The slot was found: it was the seal that did not fit. */
    ck_assert_int_eq(figures.hits, 3);
}
END_TEST

START_TEST(once_is_once)
{
    ck_assert_int_eq(gt_cache_once(cache, "state-1", apr_time_from_sec(600)), 1);
    ck_assert_int_eq(gt_cache_once(cache, "state-1", apr_time_from_sec(600)), 0);
    ck_assert_int_eq(gt_cache_once(cache, "state-2", apr_time_from_sec(600)), 1);
    fake_time += apr_time_from_sec(600);
    ck_assert_int_eq(gt_cache_once(cache, "state-1", apr_time_from_sec(600)), 1);
}
END_TEST

START_TEST(a_text_of_any_length_is_kept_for_its_time)
{
    static const apr_size_t lengths[] = {0, 1, 100, 1983, 1984, 1985, 8192, 60000};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        char *text = apr_palloc(pool, lengths[i] + 1);

        memset(text, 'a' + (int)i, lengths[i]);
        text[lengths[i]] = '\0';
        ck_assert_int_eq(gt_cache_keep_text(cache, "name", text, apr_time_from_sec(600)), 1);
        ck_assert_str_eq(gt_cache_text(cache, "name", pool), text);
        ck_assert_ptr_null(gt_cache_text(cache, "other", pool));
    }
    fake_time += apr_time_from_sec(600);
    ck_assert_ptr_null(gt_cache_text(cache, "name", pool));
}
END_TEST

Suite *suite_cache(void)
{
    Suite *suite = suite_create("cache");
    TCase *tcase = tcase_create("cache");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, what_is_put_comes_back_whole);
    tcase_add_test(tcase, a_look_up_takes_no_memory_but_the_value_s);
    tcase_add_test(tcase, everybody_gets_their_own);
    tcase_add_test(tcase, test_T7_five_minutes_and_never_past_its_end);
    tcase_add_test(tcase, a_jump_of_the_wall_clock_is_seen);
    tcase_add_test(tcase, an_older_generation_does_not_replace_a_newer);
    tcase_add_test(tcase, too_large_is_counted_and_not_cached);
    tcase_add_test(tcase, names_longer_than_any_are_not_cached);
    tcase_add_test(tcase, nothing_readable_is_in_the_segment);
    tcase_add_test(tcase, damage_is_a_miss);
    tcase_add_test(tcase, another_key_opens_nothing);
    tcase_add_test(tcase, a_value_moved_to_another_user_is_a_miss);
    tcase_add_test(tcase, once_is_once);
    tcase_add_test(tcase, a_text_of_any_length_is_kept_for_its_time);
    suite_add_tcase(suite, tcase);
    return suite;
}
