/* Stand-in for ESP-IDF's lwip/stats.h: see README.md beside it. */
#ifndef SHIM_LWIP_STATS_H
#define SHIM_LWIP_STATS_H

#include <stdint.h>

#define LWIP_STATS 1
#define IP_STATS 1

struct stats_proto { uint16_t xmit, recv, fw; };
struct stats_ { struct stats_proto ip; };
extern struct stats_ lwip_stats;

#endif
