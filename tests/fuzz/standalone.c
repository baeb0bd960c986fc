/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A main for fuzz drivers without libFuzzer, so that any compiler builds them and every machine
 * replays the corpus: each file of the folders is run as it is, then mutated copies of them are.
 * The mutations are drawn from a seed that is printed; a crash is repeated with -seed and -runs,
 * and the input that was running stands in the file `fuzz-last` when -keep is given.
 *
 *     fuzz_x [-runs=N] [-seed=S] [-keep] FILE_OR_FOLDER…
 *
 * With clang the same driver is linked with -fsanitize=fuzzer and without this file.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

#include <apr_general.h>

/* Longest input: what the parsers themselves accept is shorter or says so. */
#define INPUT_MAX (64 * 1024)
#define INPUTS_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input_t {
    uint8_t *bytes; /* exactly size bytes, so that a sanitizer sees the first one too many */
    size_t size;
} input_t;

static input_t inputs[INPUTS_MAX];
static size_t n_inputs;
static int must_keep;

/* xorshift64*: the same everywhere, so that a seed means the same run. */
static uint64_t draw_state;

static size_t draw(size_t below)
{
    draw_state ^= draw_state >> 12;
    draw_state ^= draw_state << 25;
    draw_state ^= draw_state >> 27;
    return (size_t)((draw_state * UINT64_C(2685821657736338717)) >> 33) % below;
}

static void die(const char *what, const char *name)
{
    fprintf(stderr, "%s: %s\n", what, name);
    exit(2);
}

static void read_file(const char *path)
{
    static uint8_t buffer[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    input_t *input = &inputs[n_inputs];

    if (file == NULL)
        die("cannot read", path);
    if (n_inputs == INPUTS_MAX)
        die("too many inputs", path);
    input->size = fread(buffer, 1, sizeof(buffer), file);
    fclose(file);
    input->bytes = malloc(input->size == 0 ? 1 : input->size);
    if (input->bytes == NULL)
        die("out of memory", path);
    memcpy(input->bytes, buffer, input->size);
    n_inputs++;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void read_path(const char *path)
{
    struct dirent **entries;
    struct stat about;
    char name[4096];
    int n;
    int i;

    if (stat(path, &about) != 0)
        die("no such corpus", path);
    if (!S_ISDIR(about.st_mode)) {
        read_file(path);
        return;
    }
    /* Sorted: the order of a folder differs between machines, a run must not. */
    n = scandir(path, &entries, is_visible, alphasort);
    for (i = 0; i < n; i++) {
        if (snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name) < (int)sizeof(name))
            read_path(name);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    FILE *file;

    if (exact == NULL)
        die("out of memory", "input");
    if (size > 0)
        memcpy(exact, bytes, size);
    if (must_keep && (file = fopen("fuzz-last", "wb")) != NULL) {
        fwrite(exact, 1, size, file);
        fclose(file);
    }
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

/* One small change; the size stays within INPUT_MAX. */
static size_t mutate_once(uint8_t *bytes, size_t size)
{
    static const uint8_t edges[] = {0x00, 0x01, 0x20, 0x22, 0x25, 0x2d, 0x2e,
                                    0x5c, 0x7b, 0x7f, 0x80, 0xc0, 0xfe, 0xff};
    const input_t *other = &inputs[draw(n_inputs)];
    size_t at = size == 0 ? 0 : draw(size);
    size_t n = size == 0 ? 0 : 1 + draw(size - at < 16 ? size - at : 16);

    switch (draw(6)) {
    case 0: /* flip a bit */
        if (size > 0)
            bytes[at] = (uint8_t)(bytes[at] ^ (1u << draw(8)));
        return size;
    case 1: /* an edge value */
        if (size > 0)
            bytes[at] = edges[draw(sizeof(edges))];
        return size;
    case 2: /* cut a piece out */
        memmove(bytes + at, bytes + at + n, size - at - n);
        return size - n;
    case 3: /* double a piece */
        if (size + n > INPUT_MAX)
            return size;
        memmove(bytes + at + n, bytes + at, size - at);
        return size + n;
    case 4: /* cut the end off */
        return at;
    default: /* go on with the end of another input */
        if (other->size == 0)
            return size;
        n = draw(other->size);
        if (at + other->size - n > INPUT_MAX)
            return size;
        memcpy(bytes + at, other->bytes + n, other->size - n);
        return at + other->size - n;
    }
}

static void run_mutated(void)
{
    static uint8_t bytes[INPUT_MAX];
    const input_t *input = &inputs[draw(n_inputs)];
    size_t size = input->size;
    size_t changes = 1 + draw(8);

    memcpy(bytes, input->bytes, size);
    while (changes-- > 0)
        size = mutate_once(bytes, size);
    run(bytes, size);
}

int main(int argc, char **argv)
{
    uint64_t seed = (uint64_t)time(NULL);
    long runs = 0;
    long i;

    apr_initialize();
    for (i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-runs=", 6) == 0)
            runs = strtol(argv[i] + 6, NULL, 10);
        else if (strncmp(argv[i], "-seed=", 6) == 0)
            seed = strtoull(argv[i] + 6, NULL, 10);
        else if (strcmp(argv[i], "-keep") == 0)
            must_keep = 1;
        else
            read_path(argv[i]);
    }
    if (n_inputs == 0)
        die("nothing to run; give files or folders to", argv[0]);
    printf("%s: %zu inputs, %ld mutations, seed %" PRIu64 "\n", argv[0], n_inputs, runs, seed);
    fflush(stdout);
    draw_state = seed == 0 ? 1 : seed;
    for (i = 0; i < (long)n_inputs; i++)
        run(inputs[i].bytes, inputs[i].size);
    for (i = 0; i < runs; i++)
        run_mutated();
    for (i = 0; i < (long)n_inputs; i++)
        free(inputs[i].bytes);
    apr_terminate();
    return 0;
}
