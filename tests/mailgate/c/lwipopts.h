/* lwIP for the tests: as the host's port has it, but for what a home of a few devices and a moved clock need. */
#ifndef TEST_LWIPOPTS_H
#define TEST_LWIPOPTS_H

#include "../../../firmware/mailgate/port_unix/lwipopts.h"

#undef MEM_SIZE
#define MEM_SIZE 16384
#undef PBUF_POOL_SIZE
#define PBUF_POOL_SIZE 16
#undef MEMP_NUM_PBUF
#define MEMP_NUM_PBUF 16
#undef LWIP_DNS
#define LWIP_DNS 0

#endif
