// What board.c offers to the files that MicroPython includes.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void board_init(void);
__attribute__((noreturn)) void board_reset(void);
void board_poll(void);
void board_wait(void);
void board_set_time_s(uint64_t seconds);
bool board_random(uint8_t *into, size_t count);
