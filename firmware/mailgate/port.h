/* What the binding needs of a port: port_unix/ for Linux, port_esp32/ for boards.  Called by the control thread only. */
#ifndef SPAMGATE_PORT_H
#define SPAMGATE_PORT_H

#include <stddef.h>
#include <stdint.h>

/* Find the interfaces that the words name, bring them up in lwIP and attach the gate to those of the LAN.
 * 0, or an errno: EINVAL for words that say nothing, EALREADY where it runs, ENODEV where an interface is missing. */
int gate_port_start(size_t count, const char *const *words);

/* Detach the gate and leave what gate_port_start has brought up.  May be called at any time. */
void gate_port_stop(void);

/* Call `what(with)` as lwIP's own thread would, and return when that is done. */
void gate_port_call(void (*what)(void *with), void *with);

/* Packets forwarded, received and sent by lwIP, each modulo 2**32. */
void gate_port_counts(uint32_t counts[3]);

/* 32 bits that nobody can guess. */
uint32_t gate_port_random(void);

#endif
