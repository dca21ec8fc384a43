/* Counting assertions and running tests: see check.h. */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TOLD 20 /* failures of one program; what follows is only counted */

static unsigned checks, failed;
static char place[160];

void at(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(place, sizeof place, format, arguments);
    va_end(arguments);
}

static int tell(int holds) {
    checks++;
    if (!holds)
        failed++;
    return !holds && failed <= TOLD;
}

int check_that(int holds, const char *what, const char *file, int line) {
    if (tell(holds))
        printf("%s:%d: not so: %s  %s\n", file, line, what, place);
    return holds;
}

int check_equal(long long is, long long wanted, const char *what, const char *file, int line) {
    if (tell(is == wanted))
        printf("%s:%d: %s is %lld, not %lld  %s\n", file, line, what, is, wanted, place);
    return is == wanted;
}

int check_bytes(const void *is, const void *wanted, unsigned bytes, const char *what, const char *file, int line) {
    const unsigned char *a = is, *b = wanted;
    unsigned i = 0;
    while (i < bytes && a[i] == b[i])
        i++;
    if (tell(i == bytes))
        printf("%s:%d: byte %u of %s is %02x, not %02x  %s\n", file, line, i, what, a[i], b[i], place);
    return i == bytes;
}

int run_tests(const test *tests, int count) {
    for (int i = 0; i < count; i++) {
        unsigned before = failed;
        place[0] = 0;
        tests[i].run();
        printf("%s %s\n", failed == before ? "ok  " : "FAIL", tests[i].name);
    }
    printf("%d tests, %u checks, %u failed\n", count, checks, failed);
    return failed != 0;
}
