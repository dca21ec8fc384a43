/* Words that both threads touch.  On a chip without atomic instructions (rv32imc) plain loads and fences, no calls. */
#ifndef SPAMGATE_GATE_SHARED_H
#define SPAMGATE_GATE_SHARED_H

#define GATE_LOAD(word) __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define GATE_PEEK(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
#define GATE_STORE(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELEASE)

#endif
