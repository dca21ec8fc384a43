// Console, clock, entropy and reset of the emulated board: what MicroPython's qemu port leaves out.

#include "py/mphal.h"
#include "py/ringbuf.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "board.h"
#include "uart.h"

// As on the ESP32 (its stdin_ringbuf), but QEMU holds back what does not fit where a real UART would drop it.
#define CONSOLE_RING_BYTES (260)

// CMSDK FPGAIO block (ARM AN385, 4.4): a counter fed through a prescaler from 25 MHz.
#define FPGAIO_COUNTER (*(volatile uint32_t *)0x40028018)
#define FPGAIO_PRESCALE (*(volatile uint32_t *)0x4002801c)
#define FPGAIO_COUNTS_PER_US (25)

// ARMv7-M Application Interrupt and Reset Control Register: key and SYSRESETREQ.
#define AIRCR (*(volatile uint32_t *)0xe000ed0c)
#define AIRCR_RESET (0x05fa0004)

// What ends a wait: a byte at UART0, and SysTick once a millisecond (ARMv7-M, B3.3).  Both interrupts stay masked and
// are never taken; being pending is enough.
#define UART0_CTRL (*(volatile uint32_t *)0x40004008)
#define UART0_INTCLEAR (*(volatile uint32_t *)0x4000400c)
#define UART0_RX_INTERRUPT_ENABLE (1 << 3)
#define UART0_RX_INTERRUPT (1 << 1)
#define NVIC_ENABLE (*(volatile uint32_t *)0xe000e100)
#define NVIC_CLEAR (*(volatile uint32_t *)0xe000e280)
#define NVIC_UART0_RX (1 << 0)
#define SYSTICK_CONTROL (*(volatile uint32_t *)0xe000e010)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xe000e014)
#define SYSTICK_RUN_AND_PEND (7)
#define CPU_CYCLES_PER_MS (25000)
#define ICSR (*(volatile uint32_t *)0xe000ed04)
#define ICSR_SYSTICK_CLEAR (1 << 25)

#define SEMIHOSTING_OPEN (0x01)
#define SEMIHOSTING_CLOSE (0x02)
#define SEMIHOSTING_READ (0x06)
#define SEMIHOSTING_OPEN_RB (1)

static uint8_t ring_bytes[CONSOLE_RING_BYTES];
static ringbuf_t ring = {ring_bytes, sizeof(ring_bytes), 0, 0};
static uint64_t epoch_us; // what the clock showed when the counter was 0

void board_init(void) {
    FPGAIO_PRESCALE = FPGAIO_COUNTS_PER_US - 1;
    FPGAIO_COUNTER = 0;
    __asm__ volatile ("cpsid i");
    SYSTICK_RELOAD = CPU_CYCLES_PER_MS - 1;
    SYSTICK_CONTROL = SYSTICK_RUN_AND_PEND;
    UART0_CTRL |= UART0_RX_INTERRUPT_ENABLE;
    NVIC_ENABLE = NVIC_UART0_RX;
}

void board_reset(void) {
    AIRCR = AIRCR_RESET;
    for (;;) {
    }
}

// The UART has no FIFO: the virtual machine asks for bytes every few instructions, and whenever it waits.
void board_poll(void) {
    while (ringbuf_free(&ring) > 0) {
        int byte = uart_rx_chr();
        if (byte < 0) {
            break;
        }
        if (byte == mp_interrupt_char) {
            mp_sched_keyboard_interrupt();
        } else {
            ringbuf_put(&ring, byte);
        }
    }
}

// What MicroPython calls while it waits: without it the emulated machine would keep a processor of the host busy.
void board_wait(void) {
    UART0_INTCLEAR = UART0_RX_INTERRUPT;
    NVIC_CLEAR = NVIC_UART0_RX;
    board_poll();
    mp_handle_pending(true);
    __asm__ volatile ("wfi");
    ICSR = ICSR_SYSTICK_CLEAR;
}

uintptr_t mp_hal_stdio_poll(uintptr_t poll_flags) {
    board_poll();
    uintptr_t ready = poll_flags & MP_STREAM_POLL_WR;
    if ((poll_flags & MP_STREAM_POLL_RD) && ringbuf_avail(&ring) > 0) {
        ready |= MP_STREAM_POLL_RD;
    }
    return ready;
}

int mp_hal_stdin_rx_chr(void) {
    for (;;) {
        board_poll();
        int byte = ringbuf_get(&ring);
        if (byte >= 0) {
            return byte;
        }
        board_wait();
    }
}

mp_uint_t mp_hal_stdout_tx_strn(const char *str, size_t len) {
    uart_tx_strn(str, len);
    return len;
}

static uint64_t uptime_us(void) {
    static uint32_t last;
    static uint64_t wraps;
    uint32_t now = FPGAIO_COUNTER;
    if (now < last) {
        wraps += 1ULL << 32;
    }
    last = now;
    return wraps + now;
}

mp_uint_t mp_hal_ticks_us(void) {
    return uptime_us();
}

mp_uint_t mp_hal_ticks_ms(void) {
    return uptime_us() / 1000;
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return uptime_us();
}

void mp_hal_delay_us(mp_uint_t us) {
    uint64_t start = uptime_us();
    while (uptime_us() - start < us) {
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    uint64_t start = uptime_us();
    while (uptime_us() - start < (uint64_t)ms * 1000) {
        board_wait();
    }
}

uint64_t mp_hal_time_ns(void) {
    return (epoch_us + uptime_us()) * 1000;
}

void board_set_time_s(uint64_t seconds) {
    epoch_us = seconds * 1000000 - uptime_us();
}

static int semihosting(int call, const void *arguments) {
    register int number __asm__ ("r0") = call;
    register const void *block __asm__ ("r1") = arguments;
    __asm__ __volatile__ ("bkpt 0xab\n" : "+r" (number) : "r" (block) : "memory");
    return number;
}

// The machine has no source of entropy: the host's is read through semihosting.
bool board_random(uint8_t *into, size_t count) {
    const void *open[] = {"/dev/urandom", (void *)SEMIHOSTING_OPEN_RB, (void *)12};
    int file = semihosting(SEMIHOSTING_OPEN, open);
    if (file < 0) {
        return false;
    }
    const void *read[] = {(void *)file, into, (void *)count};
    int missing = semihosting(SEMIHOSTING_READ, read);
    const void *close[] = {(void *)file};
    semihosting(SEMIHOSTING_CLOSE, close);
    return missing == 0;
}
