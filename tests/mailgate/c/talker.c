/* A mail client's TCP: see talker.h. */
#include "talker.h"

#include <string.h>

talker talker_of(unsigned family, unsigned device, unsigned attempt) {
    talker t;
    memset(&t, 0, sizeof t);
    t.ends.family = family;
    t.ends.device = device;
    t.ends.server = 1 + attempt % 200;
    t.ends.port = 25;
    t.ends.client_port = 20000 + attempt % 40000;
    t.first = t.seq = t.resend = attempt * 2654435761u;
    return t;
}

/* Do the frame's addresses answer those of the client? */
static int is_answer(const talker *t, const uint8_t *frame) {
    unsigned bytes = t->ends.family == 6 ? 16 : 4, at = ETHERNET + (t->ends.family == 6 ? 8 : 12);
    uint8_t address[16], mac[6];
    device_mac(mac, t->ends.device);
    if (memcmp(frame, mac, 6) || memcmp(frame + 6, lan.hwaddr, 6))
        return 0;
    server_address(address, t->ends.family, t->ends.server);
    if (memcmp(frame + at, address, bytes))
        return 0;
    device_address(address, t->ends.family, t->ends.device);
    return !memcmp(frame + at + bytes, address, bytes);
}

/* Take the text and the FIN of a segment that comes in order or once more; 0: it leaves a gap. */
static int take(talker *t, uint32_t seq, const uint8_t *text, unsigned bytes, unsigned flags) {
    uint32_t known = t->next - seq;
    if (known > 4096)
        return 0;
    if (known < bytes) {
        memcpy(t->heard + t->heard_bytes, text + known, bytes - known);
        t->heard_bytes += bytes - known;
        t->heard[t->heard_bytes] = 0;
        t->next += bytes - known;
    }
    if (flags & FIN && !t->is_ended) {
        t->is_ended = 1;
        t->next++;
    }
    return 1;
}

static int hear_segment(talker *t, const uint8_t *tcp, unsigned bytes) {
    uint32_t seq = get32(tcp + 4), ack = get32(tcp + 8);
    unsigned flags = tcp[13], head = (tcp[12] >> 4) * 4u;
    if (get16(tcp) != 25 || get16(tcp + 2) != t->ends.client_port || head < 20 || head > bytes)
        return 0;
    if (flags & RST) {
        t->is_reset = 1;
        return flags & ACK ? ack == t->seq : seq == t->next;
    }
    if (!(flags & ACK) || t->seq - ack > 4096)
        return 0;
    if ((int32_t)(ack - t->resend) > 0)
        t->resend = ack;
    if (flags & SYN) {
        int is_same = !t->is_connected || t->peer == seq;
        t->peer = seq;
        if (!t->is_connected)
            t->next = seq + 1;
        t->is_connected = 1;
        return is_same && bytes == head && ack == t->first + 1;
    }
    return take(t, seq, tcp + head, bytes - head, flags);
}

static void hear(talker *t, unsigned from) {
    for (; from < to_lan.count; from++) {
        const kept_frame *kept = &to_lan.frame[from % KEPT];
        unsigned head = ETHERNET + (t->ends.family == 6 ? 40 : 20);
        if (t->is_deaf)
            continue;
        t->replies++;
        if (!is_answer(t, kept->bytes) || !checksums_hold(kept->bytes, kept->size) ||
            !hear_segment(t, kept->bytes + head, kept->size - head))
            t->wrong++;
    }
}

static void send(talker *t, uint32_t seq, unsigned flags, const char *text) {
    packet made = t->ends;
    unsigned from = to_lan.count;
    made.seq = seq;
    made.ack = flags & ACK ? t->next : 0;
    made.flags = flags;
    made.text = text;
    house_send(&made);
    hear(t, from);
}

void talker_connect(talker *t) {
    t->seq = t->first + 1;
    send(t, t->first, SYN, 0);
}

void talker_acknowledge(talker *t) { send(t, t->seq, ACK, 0); }

void talker_say(talker *t, const char *text) {
    uint32_t from = t->seq;
    t->seq += (uint32_t)strlen(text);
    send(t, from, ACK | PSH, text);
}

void talker_again(talker *t, const char *text) { send(t, t->seq - (uint32_t)strlen(text), ACK | PSH, text); }

void talker_finish(talker *t) {
    t->seq++;
    send(t, t->seq - 1, FIN | ACK, 0);
}

void talker_reset(talker *t) { send(t, t->seq, RST, 0); }
