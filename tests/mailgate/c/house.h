/* A router of lwIP with the gate in a home that is made of memory: a LAN, a guests' LAN and a WAN.
 *
 * The drivers keep what lwIP sends; frames come in as pbufs, in one piece or in several.  Frames are those of frames.h.
 */
#ifndef HOUSE_H
#define HOUSE_H

#include "frames.h"
#include "gate_lwip.h"
#include "lwip/netif.h"

#define KEPT 64

typedef struct {
    uint8_t bytes[FRAME_BYTES];
    unsigned size;
} kept_frame;

/* What an interface has sent since house_forget. */
typedef struct {
    kept_frame frame[KEPT];
    unsigned count;
} sent_frames;

extern struct netif lan, guests, wan;
extern sent_frames to_lan, to_guests, to_wan;
extern uint32_t house_ms;

/* Where what is sent goes instead of being kept; NULL: it is kept. */
extern void (*house_watch)(const struct netif *netif, const struct pbuf *p);

/* The first call brings lwIP up; each makes the gate as new, and the neighbours known. */
void house_start(void);

/* Let time pass in steps of at most a second, as the port's thread does. */
void house_wait_ms(uint32_t ms);

void house_forget(void);

/* Give a frame to an interface, in one pbuf. */
void house_receive(struct netif *netif, const uint8_t *frame, unsigned size);

/* The same in several pbufs that end at the given places; at most 8 of them, ascending, ended by 0. */
void house_receive_cut(struct netif *netif, const uint8_t *frame, unsigned size, const unsigned *cuts);

/* Make and give a frame: of a device to the LAN's interface, of a server to that of the WAN. */
void house_send(const packet *p);

/* Buffers of lwIP that are in use: must be the same before and behind. */
unsigned house_buffers(void);

#endif
