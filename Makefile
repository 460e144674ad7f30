# reco: recommendations from inside the database
#
#   make && sudo make install     build and install for the server that PG_CONFIG names (default: pg_config)
#   make check                    every test, on a private server that is thrown away; installs nothing into the system's server
#   make help                     all goals
#
# Goals that work before PostgreSQL is installed must not read PGXS; they start private servers by test/server, which
# builds a copy of this tree through the other half of this file.

OWN_GOALS := check sanitize valgrind fuzz demo bench lint help

ifneq (,$(filter-out $(OWN_GOALS),$(or $(MAKECMDGOALS),all)))

ifneq (,$(filter $(OWN_GOALS),$(MAKECMDGOALS)))
$(error call "make $(filter $(OWN_GOALS),$(MAKECMDGOALS))" alone)
endif

# ---- Build and install -------------------------------------------------------------------------------------------

.DEFAULT_GOAL := all

EXTENSION   = reco
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" reco.control)
MODULE_big  = reco
OBJS        = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
DATA_built  = sql/reco--$(EXTVERSION).sql
DATA        = $(sort $(wildcard sql/reco--*--*.sql))
EXTRA_CLEAN = src/exports.map

REGRESS        = $(patsubst test/regress/sql/%.sql,%,$(sort $(wildcard test/regress/sql/*.sql)))
REGRESS_OPTS   = --inputdir=test/regress --load-extension=reco
ISOLATION      = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=reco

# The one part of -Wextra that PostgreSQL's interfaces do not pass: functions called through a pointer (PG_FUNCTION_ARGS,
# GUC hooks, inline functions of its headers) have parameters that they do not read.
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter

PG_CONFIG ?= pg_config
PGXS      := $(shell $(PG_CONFIG) --pgxs)
ifeq (,$(wildcard $(PGXS)))
$(error no development files of PostgreSQL found: install postgresql-server-dev-N, or set PG_CONFIG)
endif

# Bitcode for the JIT compiler is optional: without the clang that built the server, do without.
ifeq (undefined,$(origin with_llvm))
JIT_CLANG := $(or $(CLANG),$(shell sed -n 's/^CLANG *= *//p' $(dir $(PGXS))../Makefile.global 2>/dev/null))
ifeq (,$(and $(JIT_CLANG),$(shell command -v $(JIT_CLANG))))
override with_llvm = no
endif
endif

include $(PGXS)

# clang does not know all flags and attributes of a server that gcc built.
ifneq (,$(findstring clang,$(CC)))
override CFLAGS += -Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-ignored-attributes
endif

# Flags for single objects.  PG_CFLAGS is read once, above; only CFLAGS itself can still differ from target to target.
NUMERIC = assignment blending boundary calibration chance complements folding ials inverse kernels kernels_avx2 kernels_avx512 kernels_avx512vnni \
		  kernels_baseline linalg \
		  metrics model ratings ratios screen tails topk wording
AVX2    = -mavx2 -mfma
AVX512  = -mavx512f -mavx512dq -mavx512bw -mavx512vl $(AVX2)
VNNI    = $(AVX512) -mavx512vnni

$(NUMERIC:%=src/%.o): override CFLAGS += -O3

ifneq (,$(filter x86_64% amd64%,$(shell $(CC) -dumpmachine)))
src/kernels_avx2.o:    override CFLAGS += $(AVX2)
src/kernels_avx512.o:  override CFLAGS += $(AVX512)
src/kernels_avx512vnni.o: override CFLAGS += $(VNNI)
src/kernels_avx2.bc:   BITCODE_CFLAGS += $(AVX2)
src/kernels_avx512.bc: BITCODE_CFLAGS += $(AVX512)
src/kernels_avx512vnni.bc: BITCODE_CFLAGS += $(VNNI)
endif

# PGXS tracks no headers; there are few enough files to rebuild all.
HEADERS_OF_RECO := $(wildcard src/*.h)
$(OBJS) $(OBJS:.o=.bc): $(HEADERS_OF_RECO) Makefile

$(DATA_built): sql/reco.sql reco.control
	cp $< $@

# What the library exports: what PostgreSQL calls, and the functions that the install script names.  Before 16, PGXS
# exports everything and the server's macros do not mark SQL functions, so -fvisibility cannot do it.
ifeq (linux,$(PORTNAME))
override SHLIB_LINK += -Wl,--version-script=src/exports.map

reco.so: src/exports.map

src/exports.map: sql/reco.sql Makefile
	{ echo '{ global: Pg_magic_func; _PG_init; reco_worker_*;'; \
	  sed -n "s/.*'MODULE_PATHNAME', '\([a-z0-9_]*\)'.*/\1; pg_finfo_\1;/p" $<; \
	  echo 'local: *; };'; } >$@
endif

else

# ---- Goals that need no PostgreSQL beforehand ---------------------------------------------------------------------

.DEFAULT_GOAL := help
.PHONY: $(OWN_GOALS)

check:
	@test/server --tests test/check $(PARTS)

sanitize:
	@test/server --tests test/sanitize $(PARTS)

valgrind:
	@test/server --tests --needs valgrind test/valgrind $(PARTS)

fuzz:
	@test/fuzz/run

demo:
	@test/server bench/demo

bench:
	@bench/keep test/server bench/run $(BENCH)

lint:
	@test/lint

help:
	@echo 'make                  build the extension for the server that PG_CONFIG names'
	@echo 'make install          install it there; make uninstall removes it'
	@echo 'make installcheck     run the regression and isolation tests on a server where it is installed and running'
	@echo 'make check            every test, on a private server; installs what is missing (root) or says what to install'
	@echo 'make sanitize         the same with the address and undefined behaviour sanitizers in the library'
	@echo 'make valgrind         the tests that need one server, with that server under valgrind'
	@echo 'make fuzz             one minute of fuzzing the reader of stored models; FUZZ_SECONDS=600 for ten'
	@echo 'make demo             a shop with made-up customers, from create_model to recommend, on a private server'
	@echo 'make bench            the benchmarks and peers side by side, on a private server; writes bench/results.md'
	@echo '                      BENCH=full for 10 million order lines (bench/peers has more settings)'
	@echo 'make lint             the rules that need no server'
	@echo 'make clean            remove what was built'
	@echo
	@echo 'PG_CONFIG=path        the server to build for'
	@echo 'PGMAJOR=17            or its major version, for check, sanitize, valgrind, demo and bench'
	@echo 'PARTS="unit sql"      for check, sanitize and valgrind: only these parts (unit sql regress isolation tap docs lint)'
	@echo '                      or files (test/sql/train.sql)'

endif
