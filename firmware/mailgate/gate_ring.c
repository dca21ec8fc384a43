/* Records for the control thread: a ring of bytes with one writer and one reader.  What finds no room is counted. */
#include <string.h>

#include "gate.h"
#include "gate_shared.h"

#define SKIP 0xff /* as direction: nothing more before the ring's end */
#define HEAD ((uint32_t)sizeof(gate_record_head))
#define AT(g, position) ((uint8_t *)(g)->ring + ((position) & (GATE_RING_BYTES - 1)))

uint8_t *gate_record(gate *g, enum gate_direction way, enum gate_action action, uint32_t snap, uint32_t whole) {
    uint32_t need = (HEAD + snap + 3) & ~3u, head = g->head, to_end = GATE_RING_BYTES - (head & (GATE_RING_BYTES - 1));
    uint32_t skip = need > to_end ? to_end : 0;
    gate_record_head record;
    if (head - GATE_LOAD(g->tail) + skip + need > GATE_RING_BYTES) {
        g->counts.lost++;
        return 0;
    }
    if (skip) {
        uint8_t *marker = AT(g, head); /* four bytes at least: all sizes are multiples of that */
        memset(marker, 0, 4);
        marker[2] = SKIP;
    }
    record.size = (uint16_t)need;
    record.direction = (uint8_t)way;
    record.action = (uint8_t)action;
    record.t_ms = g->clock_ms;
    record.frame = (uint16_t)snap;
    record.whole = (uint16_t)whole;
    memcpy(AT(g, head + skip), &record, HEAD);
    g->pending = skip + need;
    return AT(g, head + skip) + HEAD;
}

uint32_t gate_read(gate *g, uint8_t *buf, uint32_t size) {
    uint32_t tail = g->tail, head = GATE_LOAD(g->head), put = 0;
    while (tail != head) {
        const uint8_t *record = AT(g, tail);
        uint16_t need;
        if (record[2] == SKIP) {
            tail += GATE_RING_BYTES - (tail & (GATE_RING_BYTES - 1));
            continue;
        }
        memcpy(&need, record, sizeof need);
        if (need > size - put) break;
        memcpy(buf + put, record, need);
        put += need;
        tail += need;
    }
    GATE_STORE(g->tail, tail);
    return put;
}
