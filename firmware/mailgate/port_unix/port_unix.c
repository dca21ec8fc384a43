/* The gate's port for Linux: lwIP without an operating system, in one thread, with interfaces of the kernel. */
#include "port.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "gate_lwip.h"
#include "lwip/init.h"
#include "lwip/ip.h"
#include "lwip/mem.h"
#include "lwip/pbuf.h"
#include "lwip/stats.h"
#include "lwip/timeouts.h"
#include "packet_netif.h"
#include "port_hooks.h"

#define LONGEST_WAIT_MS 50 /* a socket of MicroPython's may have set an earlier timer meanwhile */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock;
static atomic_int waiting; /* for the lock, outside lwIP's thread */

static port_home home;
static packet_netif ports[PORT_LINKS];
static int count; /* of them open */
static pthread_t thread;
static int bell = -1; /* rung to stop the thread */

/* --- lwIP's own needs ---------------------------------------------------------------------------- */

u32_t sys_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (u32_t)now.tv_sec * 1000u + (u32_t)(now.tv_nsec / 1000000);
}

unsigned int lwip_port_rand(void) { return gate_port_random(); }

uint32_t gate_port_random(void) {
    uint32_t drawn;
    while (getrandom(&drawn, sizeof(drawn), 0) != sizeof(drawn)) {
    }
    return drawn;
}

const ip6_addr_t *gate_port_gateway6(struct netif *netif) {
    return netif == netif_default && !ip6_addr_isany_val(home.via6) ? &home.via6 : NULL;
}

/* --- the lock ------------------------------------------------------------------------------------ */

/* lwIP's memory is there from the start, as on a chip: what the process has does not grow with the first load. */
static void touch_memory(void) {
    static struct pbuf *pool[PBUF_POOL_SIZE];
    const mem_size_t most = MEM_SIZE - 1024; /* its own notes are in it, too */
    void *heap = mem_malloc(most);
    int i;
    LWIP_ASSERT("nobody has any of it yet", heap != NULL);
    memset(heap, 0, most);
    mem_free(heap);
    for (i = 0; i < PBUF_POOL_SIZE && (pool[i] = pbuf_alloc(PBUF_RAW, PBUF_POOL_BUFSIZE, PBUF_POOL)) != NULL; i++)
        memset(pool[i]->payload, 0, pool[i]->len);
    while (i--) pbuf_free(pool[i]);
}

static void begin(void) {
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE); /* a finaliser may close a socket under it */
    pthread_mutex_init(&lock, &kind);
    lwip_init();
    touch_memory();
}

void gate_port_lock(void) {
    pthread_once(&once, begin);
    atomic_fetch_add(&waiting, 1);
    pthread_mutex_lock(&lock);
    atomic_fetch_sub(&waiting, 1);
}

void gate_port_unlock(void) { pthread_mutex_unlock(&lock); }

void gate_port_call(void (*what)(void *with), void *with) {
    gate_port_lock();
    what(with);
    gate_port_unlock();
}

/* --- the thread ---------------------------------------------------------------------------------- */

static int time_to_wait(void) {
    u32_t wait_ms = sys_timeouts_sleeptime();
    return wait_ms < LONGEST_WAIT_MS ? (int)wait_ms : LONGEST_WAIT_MS;
}

/* A mutex goes to whoever asks first, which under load is always us: let others have it. */
static void let_others(void) {
    while (atomic_load(&waiting)) {
        sched_yield();
    }
}

static void *serve(void *unused) {
    struct pollfd polled[PORT_LINKS + 1];
    int wait_ms = 0;
    (void)unused;
    for (int i = 0; i < count; i++) {
        polled[i] = (struct pollfd){ports[i].socket, POLLIN, 0};
    }
    polled[count] = (struct pollfd){bell, POLLIN, 0};
    while (poll(polled, (nfds_t)count + 1, wait_ms) < 0 || !polled[count].revents) {
        let_others();
        pthread_mutex_lock(&lock);
        for (int i = 0; i < count; i++) {
            if (polled[i].revents) {
                packet_receive(&ports[i]);
            }
        }
        sys_check_timeouts();
        wait_ms = time_to_wait();
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static int start_thread(void) {
    sigset_t all, before;
    bell = eventfd(0, EFD_CLOEXEC);
    if (bell < 0) {
        return errno;
    }
    sigfillset(&all); /* Ctrl-C is for MicroPython */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, serve, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        close(bell);
        bell = -1;
    }
    return error;
}

/* --- start and stop ------------------------------------------------------------------------------ */

static void close_links(void) {
    while (count) {
        packet_netif *port = &ports[--count];
        if (!home.links[count].is_wan) {
            gate_detach(&port->netif);
        }
        packet_close(port);
    }
}

static int open_links(void) {
    while (count < home.count) {
        const port_link *link = &home.links[count];
        int error = packet_open(&ports[count], link, link->is_wan ? &home.via4 : IP4_ADDR_ANY4);
        if (error) {
            return error;
        }
        ports[count].netif.num = (u8_t)count; /* lwIP counts on from start to start, and the gate takes few */
        if (link->is_wan) {
            netif_set_default(&ports[count].netif);
        } else {
            gate_attach(&ports[count].netif);
        }
        count++;
    }
    return 0;
}

int gate_port_start(size_t words, const char *const *word) {
    if (bell >= 0) {
        return EALREADY;
    }
    if (port_read_words(&home, words, word)) {
        return EINVAL;
    }
    gate_port_lock();
    int error = open_links();
    error = error ? error : start_thread();
    if (error) {
        close_links();
    }
    gate_port_unlock();
    return error;
}

void gate_port_stop(void) {
    const uint64_t ring = 1;
    if (bell < 0) {
        return;
    }
    while (write(bell, &ring, sizeof(ring)) != sizeof(ring)) {
    }
    pthread_join(thread, NULL);
    close(bell);
    bell = -1;
    gate_port_lock();
    close_links();
    gate_port_unlock();
}

void gate_port_counts(uint32_t counts[3]) {
    gate_port_lock();
    counts[0] = lwip_stats.ip.fw + lwip_stats.ip6.fw;
    counts[1] = counts[2] = 0;
    for (int i = 0; i < count; i++) {
        counts[1] += ports[i].received;
        counts[2] += ports[i].sent;
    }
    gate_port_unlock();
}
