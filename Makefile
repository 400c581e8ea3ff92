# ringside: build, run, test. Read from top to bottom; `make V=1` shows the commands.
#
#   make            build/ringside
#   sudo make run   install what is missing, build, observe this host
#   sudo make test  the same, then every test
#   sudo make demo  as run, with a platform of seven services to look at
#   make check      formatting, static analysis, include direction, program sizes
#   sudo make bench what observing costs, measured with and without in one run
#   make install    DESTDIR and PREFIX as usual

VERSION  := 0.1.0
REVISION := $(shell git -c safe.directory='*' rev-parse --short HEAD 2>/dev/null || echo unknown)
PREFIX   ?= /usr/local
BUILD    := build

# clang 19 where the distribution has it, else its default (14 or later): the BPF side needs nothing newer.
CLANG   ?= $(shell command -v clang-19 || command -v clang || echo clang-19)
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
CC      ?= cc

ARCH     := $(shell uname -m)
BPF_ARCH := $(if $(filter aarch64,$(ARCH)),arm64,x86)

CFLAGS    ?= -O2 -g
WARNINGS  := -Wall -Wextra -Wshadow -Werror
DEFINES   := -D_GNU_SOURCE -DRINGSIDE_VERSION='"$(VERSION)"' -DRINGSIDE_REVISION='"$(REVISION)"'
USER_CFLAGS := -std=gnu11 $(CFLAGS) $(WARNINGS) $(DEFINES) -Iinclude -Iuser -I$(BUILD)
LIBRARIES := -lbpf -lelf -lz -lmicrohttpd -lcurl -ljansson -lcyaml -lxxhash -lnghttp2 -lZydis -lm

# BPF_PROG of libbpf leaves its context unused.
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter -Werror -Iinclude

# shared first: libbpf 1.1's linker loses maps whose definition comes after their use.
BPF_SOURCES  := bpf/shared.bpf.c $(filter-out bpf/shared.bpf.c,$(sort $(wildcard bpf/*.bpf.c)))
USER_SOURCES := $(wildcard user/*.c user/protocols/*.c user/runtimes/*.c)
USER_OBJECTS := $(USER_SOURCES:user/%.c=$(BUILD)/user/%.o)

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

all: $(BUILD)/ringside

# --- kernel side: one object for each capability, linked into one, turned into a skeleton -----------------------------

bpf_objects = $(BPF_SOURCES:bpf/%.c=$(BUILD)/bpf-$(1)/%.o)

define bpf_rules
$(BUILD)/bpf-$(1)/%.o: bpf/%.c vmlinux/$(1)/vmlinux.h
	$$(call say,BPF,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CLANG) $$(BPF_CFLAGS) -D__TARGET_ARCH_$(1) -Ivmlinux/$(1) -MMD -MP -c $$< -o $$@

$(BUILD)/bpf-$(1)/ringside.o: $$(call bpf_objects,$(1))
	$$(call say,LINK,$$@)
	$$(Q)$$(BPFTOOL) gen object $$@ $$^
endef
$(foreach arch,x86 arm64,$(eval $(call bpf_rules,$(arch))))

$(BUILD)/ringside.skel.h: $(BUILD)/bpf-$(BPF_ARCH)/ringside.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name ringside > $@

# The other architecture's kernel side compiles, too.
bpf-all: $(BUILD)/bpf-x86/ringside.o $(BUILD)/bpf-arm64/ringside.o

# --- user side --------------------------------------------------------------------------------------------------------

$(BUILD)/user/%.o: user/%.c | $(BUILD)/ringside.skel.h
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(USER_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/ringside: $(USER_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBRARIES)

-include $(USER_OBJECTS:.o=.d) $(foreach arch,x86 arm64,$(patsubst %.o,%.d,$(call bpf_objects,$(arch))))

# --- what people do with it -------------------------------------------------------------------------------------------

ARGS ?=

setup:
	$(Q)tools/setup

setup-tests:
	$(Q)tools/setup --tests

# A second make, because what the first one installs decides which compiler there is.
run: setup
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(BUILD)/ringside run $(ARGS)

demo:
	$(Q)tools/setup --demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/demo/run

test: setup-tests
	$(Q)$(MAKE) --no-print-directory all bpf-all
	$(Q)tests/run

check: $(BUILD)/ringside.skel.h
	$(Q)tools/check

bench: setup-tests
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/bench/run

install: all
	install -D -m 755 $(BUILD)/ringside $(DESTDIR)$(PREFIX)/bin/ringside

# --- tests: units with sanitizers, fuzzers; both link the user side without its main ----------------------------------

SANITIZE      := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT_SOURCES  := $(wildcard tests/unit/test_*.c)
UNIT_TESTS    := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/tests/unit/%)
FUZZ_SOURCES  := $(wildcard tests/fuzz/fuzz_*.c)
FUZZERS       := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/tests/fuzz/%)
BENCH_SOURCES := $(wildcard tests/bench/bench_*.c)
BENCHES       := $(BENCH_SOURCES:tests/bench/%.c=$(BUILD)/tests/bench/%)
LIBRARY_OBJECTS = $(filter-out $(BUILD)/$(1)/main.o,$(USER_SOURCES:user/%.c=$(BUILD)/$(1)/%.o))

$(BUILD)/sanitized/%.o: user/%.c | $(BUILD)/ringside.skel.h
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(USER_CFLAGS) $(SANITIZE) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(BUILD)/tests/unit/%: tests/unit/%.c $(call LIBRARY_OBJECTS,sanitized)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(USER_CFLAGS) $(SANITIZE) -MMD -MP -o $@ $(filter %.c %.o,$^) $(LIBRARIES) -lcmocka

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(call LIBRARY_OBJECTS,sanitized)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(USER_CFLAGS) $(SANITIZE) -fsanitize=fuzzer -MMD -MP -o $@ $(filter %.c %.o,$^) $(LIBRARIES)

$(BUILD)/tests/bench/%: tests/bench/%.c $(call LIBRARY_OBJECTS,user)
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(USER_CFLAGS) -o $@ $^ $(LIBRARIES)

unit-tests: $(UNIT_TESTS)
fuzzers: $(FUZZERS)
benches: $(BENCHES)

-include $(wildcard $(BUILD)/sanitized/*.d $(BUILD)/sanitized/*/*.d $(BUILD)/tests/*/*.d)

clean:
	rm -rf $(BUILD)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all bpf-all setup setup-tests run demo test check bench install unit-tests fuzzers benches clean
