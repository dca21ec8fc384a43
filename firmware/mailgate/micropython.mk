# MicroPython's unix port with the mail gate over lwIP, whose source is a neighbour of this folder (ci/micropython.sh).
GATE := $(USERMOD_DIR)
GATE_LWIP := $(USER_C_MODULES)/lwip

SRC_USERMOD_C += $(GATE)/gate_module.c
SRC_USERMOD_LIB_C += $(filter-out $(GATE)/gate_module.c,$(wildcard $(GATE)/gate_*.c)) $(wildcard $(GATE)/port_unix/*.c)
SRC_USERMOD_LIB_C += $(wildcard $(addprefix $(GATE_LWIP)/src/,core/*.c core/ipv4/*.c core/ipv6/*.c netif/ethernet.c))

CFLAGS_USERMOD += -I$(GATE) -I$(GATE)/port_unix -isystem $(GATE_LWIP)/src/include \
	-isystem $(GATE_LWIP)/contrib/ports/unix/port/include -DMICROPY_PY_LWIP=1
LDFLAGS_USERMOD += -lpthread

# Others' code, not written for all of these warnings.
$(BUILD)/lwip/%.o $(BUILD)/extmod/modlwip.o: CFLAGS += -w
