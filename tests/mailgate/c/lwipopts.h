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
#ifdef SMALL_LWIP /* its state is copied back before each input of the fuzzer */
#undef MEM_SIZE
#define MEM_SIZE 4096
#undef PBUF_POOL_SIZE
#define PBUF_POOL_SIZE 4
#undef MEMP_NUM_TCP_SEG
#define MEMP_NUM_TCP_SEG 16
#undef TCP_SND_BUF
#define TCP_SND_BUF (2 * TCP_MSS)
#define MEMP_NUM_REASSDATA 2
#endif
#undef LWIP_DNS
#define LWIP_DNS 0

#endif
