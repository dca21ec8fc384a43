/* The mail gate's core: which packet is mail, whose is it, may it pass, and what is told of it.
 *
 * Plain C99 without lwIP, MicroPython or an allocation, so that it runs under sanitizers on any machine.  Two threads:
 * the packet thread (lwIP's) calls gate_judge, gate_flow, gate_record and gate_at; the control thread
 * (MicroPython's) calls gate_put and what follows it.  Neither ever waits for the other: control writes, packets take over.
 * Addresses and MACs are bytes as on the wire; times are milliseconds of a clock that wraps, or seconds since the start.
 */
#ifndef SPAMGATE_GATE_H
#define SPAMGATE_GATE_H

#include <stdint.h>
#include <string.h>

#define GATE_DEVICES 32        /* verdicts and grants at a time */
#define GATE_PASTS 64          /* pairs of device and server that mail passes between; the oldest makes room */
#define GATE_ENDED 32          /* connections to be reset; the oldest makes room */
#define GATE_PACES 16          /* buckets of new mail connections, by a hash of the MAC */
#define GATE_FOUND 16          /* look-ups of devices remembered, of those not in the table, too */
#define GATE_RING_BYTES 4096   /* of records for the control thread */
#define GATE_SNAP_BYTES 640    /* of a frame, at the most, in a record */
#define GATE_SMALL_BYTES 320   /* of one of which only the beginning may tell something */
#define GATE_FLOWS 512         /* as many as Espressif's NAPT has entries */
#define GATE_FLOWS_A_DEVICE 128 /* of them, at the most, for one MAC: a quarter */
#define GATE_ETHERNET 14
#define GATE_HEADS_BYTES 134   /* from the Ethernet header on: what a judgement looks at, at the most */

enum gate_state { GATE_NORMAL, GATE_GRANTED, GATE_THROTTLED, GATE_QUARANTINED, GATE_CONFIRMED };

enum gate_action {
    GATE_PASS,
    GATE_LATER, /* answer in the server's place: 421 */
    GATE_NEVER, /* answer in the server's place: 554 */
    GATE_RESET, /* end the connection */
    GATE_DROP,
    GATE_ASK    /* passes unless it belongs to a connection that is answered in the server's place */
};

enum gate_direction { GATE_OUT, GATE_IN };

/* Who a verdict is about: a MAC, or behind a relay one with an address (family 4 or 6). */
typedef struct {
    uint8_t mac[6];
    uint8_t family;      /* 0: whatever the address */
    uint8_t address[16];
} gate_key;

typedef struct {
    uint8_t state;       /* enum gate_state */
    uint8_t is_settled;  /* was here before a swarm of newcomers */
    uint32_t ticket;     /* six hexadecimal digits of the refusals' text; 0: none */
    uint32_t lasting_s;  /* the verdict ends by itself; 0: never */
} gate_verdict;

/* What a packet is, found by gate_look: offsets from the IP header, 0 where there is none. */
typedef struct {
    const uint8_t *mac;  /* of the device: source on the way out, destination on the way in */
    const uint8_t *ip;
    uint32_t size;       /* of the datagram, as its header says, at most what came */
    uint32_t here;       /* of it in `ip`: bytes that may be looked at */
    uint32_t at;         /* of the TCP or UDP header */
    uint32_t payload;    /* bytes behind the TCP header, of the whole datagram */
    uint32_t payload_at;
    uint32_t source_port, target_port;
    uint32_t family;     /* 4 or 6 */
    uint32_t source_at;  /* of the source's address; the target's follows it, and ends the fixed part of the header */
    uint32_t address_bytes;
    uint32_t protocol;   /* 6 or 17 */
    uint32_t flags;      /* TCP's */
    uint32_t is_opening; /* a TCP connection: SYN without ACK */
    uint32_t is_part;    /* a first fragment: what else it says is not seen */
} gate_packet;

/* What tells the families apart: offsets from the IP header, and bytes. */
typedef struct {
    uint16_t ethernet;   /* type in the Ethernet header */
    uint8_t family, source_at, address_bytes;
    uint8_t head;        /* the fixed part of the header */
    uint8_t size_at;     /* of the datagram's size, in which */
    uint8_t left_out;    /* so many bytes are not counted */
} gate_layout;

extern const gate_layout gate_ip4, gate_ip6;

enum gate_class { GATE_NOTHING, GATE_MAIL, GATE_SUBMISSION, GATE_DNS, GATE_DHCP, GATE_PROXY, GATE_BROKEN };

/* `acted`: later, never, reset, dropped. */
typedef struct { uint32_t out, in, records, lost, acted[4], broken, crowded, unpaced; } gate_counts;

/* Head of a record; the frame follows.  `size` is that of head and frame, rounded up to 4. */
typedef struct {
    uint16_t size;
    uint8_t direction;   /* enum gate_direction */
    uint8_t action;      /* enum gate_action */
    uint32_t t_ms;
    uint16_t frame;      /* bytes of it that follow */
    uint16_t whole;      /* bytes that it had */
} gate_record_head;

enum {
    GATE_LOW,            /* MAC, first four bytes */
    GATE_HIGH,           /* MAC, last two; family << 16; state << 24 */
    GATE_ADDRESS,        /* a hash of it; 0 where the MAC is enough */
    GATE_UNTIL,          /* in seconds; 0: for good */
    GATE_DRAINED,        /* in seconds: nothing new passes before */
    GATE_TICKET,         /* and 1 << 24: is settled; from 1 << 25 on: how often control has emptied the bucket */
    GATE_WORDS
};

typedef struct { uint32_t seq, words[GATE_WORDS]; } gate_config; /* written by control */

typedef struct {         /* of the packet thread alone */
    uint32_t seq;        /* of the configuration it was made from */
    uint32_t words[GATE_WORDS];
    uint32_t syn;        /* of the last connection that was let through, its mark: it may come again */
    uint32_t mail;       /* that of the last MAIL command counted: it may come again, too */
    uint16_t port;       /* whose SYN that was */
    uint8_t mails;       /* MAIL commands that are paid for */
    uint8_t is_admitted; /* and has said nothing yet */
} gate_device;

typedef struct { uint32_t credit, t_ms; } gate_pace;

/* Who has a MAC: `low` its first four bytes, `high` the last two and one of these. */
enum { GATE_FREE = 1 << 16, GATE_SUSPECT = 2 << 16 };
typedef struct { gate_device *device; uint32_t low, high; } gate_found;

typedef struct {         /* single words first: code for them is shorter */
    uint32_t secret[2];  /* of the hashes; set before anything else */
    uint32_t is_on;
    /* control to packets */
    uint32_t changes;    /* counts up behind each change of `config` */
    uint32_t refill_s;   /* until a throttled device's bucket has something in it again */
    uint32_t per_minute, burst; /* of any device that is not throttled */
    uint32_t strict_s;   /* newcomers are held back until then; 0: not */
    uint32_t past_next, ended_next;
    uint32_t ended_s;    /* until then there may be connections to be ended */
    /* packets to control */
    uint32_t head, tail; /* of the ring, in bytes, modulo 2**32 */
    uint32_t now_s;
    /* of the packet thread alone */
    uint32_t taken;      /* changes taken over */
    uint32_t clock_ms, rest_ms;
    uint32_t behind;     /* is any device known by an address, too? */
    uint32_t unpaced_s;  /* when somebody who is not throttled was refused last; 0: never */
    uint32_t swept;      /* the next flow to look at */
    uint32_t full_s;     /* when all were looked at last */
    uint32_t pending;    /* bytes of the ring that gate_commit shows */
    gate_counts counts;  /* to control */
    gate_found found[GATE_FOUND]; /* by the MAC's last bits; forgotten with each change of `config` */
    gate_pace pace[GATE_PACES];
    uint32_t pasts[GATE_PASTS]; /* hashes; 0: free; written by control */
    uint32_t ended[GATE_ENDED]; /* written by both */
    uint8_t flows_of[256];      /* by a hash of the MAC */
    gate_config config[GATE_DEVICES]; /* written by control */
    gate_device device[GATE_DEVICES + 1]; /* the last is nobody's, and stays empty */
    uint32_t flows[GATE_FLOWS];  /* tag 14 | device 8 | when it ends, in units of 2 s, 10 */
    uint32_t ring[GATE_RING_BYTES / 4];
} gate;

/* In network order.  A product: of a shift by 8 GCC makes a swap of bytes, which is twice the code on RISC-V. */
static inline uint32_t gate_get16(const uint8_t *p) { return p[0] * 256u + p[1]; }
uint32_t gate_get32(const uint8_t *p);

/* --- the packet thread ------------------------------------------------------------------------- */

/* The time: at least once a second. */
void gate_at(gate *g, uint32_t now_ms);

/* What is the packet on its way out (`ports` of its destination) or in (of its source)?  Sets p->ip and what follows;
 * p->mac is the caller's; `family` is what Ethernet says.  Looks at no more than `here` bytes.  GATE_BROKEN: a TCP
 * header that is cut off or spread over fragments (RFC 1858, RFC 7112); such a packet is dropped. */
enum gate_class gate_look(gate_packet *p, const gate_layout *family, const uint8_t *ip, uint32_t here, uint32_t whole,
                          enum gate_direction way);

/* May this packet of class GATE_MAIL pass, out of the house?  `ticket` gets that of the refusal. */
enum gate_action gate_judge(gate *g, const gate_packet *p, uint32_t *ticket);

/* May all that this device goes on to say pass?  0 where it has to be judged.  So it is for all that nobody suspects,
 * once a packet was judged, while nobody is behind a relay, was refused for its pace or had a connection ended of late. */
static inline int gate_is_free(gate *g, const uint8_t *mac) {
    uint32_t low, high = gate_get16(mac + 4);
    const gate_found *found = &g->found[high % GATE_FOUND];
    memcpy(&low, mac, sizeof low);
    return __atomic_load_n(&g->changes, __ATOMIC_RELAXED) == g->taken && found->low == low &&
           found->high == (high | GATE_FREE) && !g->unpaced_s &&
           (int32_t)(g->now_s - __atomic_load_n(&g->ended_s, __ATOMIC_RELAXED)) >= 0;
}

/* May this IPv4 packet (TCP or UDP) have an entry of the NAPT?  GATE_PASS, or GATE_RESET where its device holds its
 * share of them.  gate_flow.h has the way of most packets. */
enum gate_action gate_flow(gate *g, const gate_packet *p);

/* How much of the frame is to be recorded?  0: nothing. */
uint32_t gate_snap(enum gate_class kind, const gate_packet *p, enum gate_action action, uint32_t frame);

/* Return where `snap` bytes of a frame go, or NULL where there is no room (counted); then gate_commit shows it. */
uint8_t *gate_record(gate *g, enum gate_direction way, enum gate_action action, uint32_t snap, uint32_t whole);
static inline void gate_commit(gate *g) {
    g->counts.records++;
    __atomic_store_n(&g->head, g->head + g->pending, __ATOMIC_RELEASE);
}

/* Never 0; of an even number of bytes.  A hash as `kind` makes it one of both. */
uint32_t gate_hash(const gate *g, uint32_t kind, const uint8_t *at, uint32_t size);

/* Of a packet's two addresses. */
uint32_t gate_ends(const gate *g, const gate_packet *p, uint32_t kind);

/* --- the control thread ------------------------------------------------------------------------ */

void gate_init(gate *g, uint32_t secret_a, uint32_t secret_b);
int gate_put(gate *g, const gate_key *key, const gate_verdict *verdict); /* the place, or -1: the table is full */
int gate_remove(gate *g, const gate_key *key);                          /* the place, or -1: it was not there */
int gate_drain(gate *g, const gate_key *key, uint32_t seconds);         /* its bucket is empty for so long; -1 as above */
void gate_past(gate *g, const uint8_t *mac, const uint8_t *server, uint32_t family, int has_past);
void gate_end(gate *g, const uint8_t *client, uint32_t port, const uint8_t *server, uint32_t family);
void gate_limits(gate *g, uint32_t refill_s, uint32_t per_minute, uint32_t burst);
void gate_strict(gate *g, uint32_t seconds);
uint32_t gate_read(gate *g, uint8_t *buf, uint32_t size);               /* whole records, oldest first; bytes put */

/* Bytes of records. */
static inline uint32_t gate_waiting(const gate *g) {
    return __atomic_load_n(&g->head, __ATOMIC_ACQUIRE) - __atomic_load_n(&g->tail, __ATOMIC_RELAXED);
}

#endif
