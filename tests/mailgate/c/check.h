/* What every C test program shares: assertions that go on, and a runner whose last line counts.
 *
 * A program lists its tests and calls run_tests; it ends with "N tests, M checks, K failed" and exit 1 where K is not 0.
 */
#ifndef CHECK_H
#define CHECK_H

typedef struct {
    const char *name;
    void (*run)(void);
} test;

#define TEST(function) { #function, function }
#define TESTS(...) static const test ALL[] = { __VA_ARGS__ }
#define RUN_TESTS() run_tests(ALL, (int)(sizeof ALL / sizeof *ALL))

#define CHECK(condition) check_that((condition) != 0, #condition, __FILE__, __LINE__)
#define EQUAL(is, wanted) check_equal((long long)(is), (long long)(wanted), #is, __FILE__, __LINE__)
#define SAME_BYTES(is, wanted, bytes) check_bytes((is), (wanted), (bytes), #is, __FILE__, __LINE__)

/* What a loop is at: told beside a failure.  Printf's format. */
void at(const char *format, ...) __attribute__((format(printf, 1, 2)));

int check_that(int holds, const char *what, const char *file, int line);
int check_equal(long long is, long long wanted, const char *what, const char *file, int line);
int check_bytes(const void *is, const void *wanted, unsigned bytes, const char *what, const char *file, int line);
int run_tests(const test *tests, int count);

#endif
