# Keyway's everyday commands. `make run` on a fresh machine is enough to try it.

# An undeclared import and a warning are errors. Tests use the same flags, so that nothing is built twice.
STRICT := --explicit-target-dependency-import-check error -Xswiftc -warnings-as-errors
SOURCES := Package.swift Sources Tests $(wildcard bench)

ifeq ($(CI),true)
export KEYWAY_TEST_REQUIRE_SERVERS = 1
endif

.PHONY: help run build test differential endurance soak coherence counters bench check setup install deb format clean

help:
	@echo "make run       build for speed and start keyway; ARGS='-c file.yml' hands arguments on"
	@echo "make build     strict debug build, tests included"
	@echo "make test      all tests, or ARGS='--filter Name'"
	@echo "make differential  random commands to Keyway and to one server: COMMANDS=1000000 SEED=1 SERVER=9.1 or 8"
	@echo "make endurance  clients while servers are killed, stopped and cut off: SECONDS=600 SEED=1 SERVER=9.1 or 8"
	@echo "make soak      the same for an hour, with faults of the network where root can make them"
	@echo "make coherence  hot keys are read and written while the same happens; no read may be older than promised"
	@echo "make counters  allocations, sends and memory of a release build, held to bench/counters/thresholds.csv"
	@echo "make bench     every table and plot of the measurements anew, into bench/published; takes hours"
	@echo "make check     build and test"
	@echo "make setup     install what running and testing need"
	@echo "make install   program, manual and completions below PREFIX=/usr/local (and DESTDIR=); builds without Swift's libraries"
	@echo "make deb       a Debian package with a systemd unit, in dist/"
	@echo "make format    format the sources"
	@echo "make clean     remove what was built"

# Without arguments: four embedded servers, no config file.
run:
	@.ci/setup.sh server
	swift build -c release --product keyway
	@exec .build/release/keyway $(ARGS)

build:
	swift build --build-tests $(STRICT)

test:
	@.ci/setup.sh
	swift test --disable-xctest $(STRICT) $(ARGS)

# Without SEED, a new one, which is printed.
COMMANDS ?= 1000000
SERVER ?= 9.1
differential:
	@.ci/setup.sh
	swift build -c release --product keyway
	cd Tests && KEYWAY_BINARY="$$(swift build -c release --show-bin-path)/keyway" python3 -m differential \
		--commands $(COMMANDS) --server $(SERVER) $(if $(SEED),--seed $(SEED)) $(ARGS)

SECONDS ?= 600
soak: SECONDS = 3600
endurance soak:
	@.ci/setup.sh
	swift build -c release --product keyway
	cd Tests && KEYWAY_BINARY="$$(swift build -c release --show-bin-path)/keyway" python3 -m endurance \
		--seconds $(SECONDS) --server $(SERVER) $(if $(SEED),--seed $(SEED)) $(if $(filter soak,$@),--network) $(ARGS)

coherence:
	@.ci/setup.sh
	swift build -c release --product keyway
	cd Tests && KEYWAY_BINARY="$$(swift build -c release --show-bin-path)/keyway" python3 -m coherence \
		--seconds $(SECONDS) --server $(SERVER) $(if $(SEED),--seed $(SEED)) $(ARGS)

# Debug builds allocate where release builds do not, so the counted program is a release build.
counters:
	swift build -c release --product keyway
	KEYWAY_COUNTERS=1 KEYWAY_BINARY="$$(swift build -c release --show-bin-path)/keyway" \
		swift test --disable-xctest $(STRICT) --filter CountTests

bench:
	bench/rerun.sh $(ARGS)

check: build test

setup:
	@.ci/setup.sh

# The Swift runtime is in the program, so that the machine it runs on needs none.
PREFIX ?= /usr/local
VERSION := $(shell sed -n 's/^let keywayVersion = "\(.*\)"/\1/p' Sources/keyway/Version.swift)
STATIC := -c release --static-swift-stdlib
# A folder with programs that are built already; without it they are built first.
BUILT ?=
install:
	test -n "$(BUILT)" || swift build $(STATIC) --product keyway
	test -n "$(BUILT)" || swift build $(STATIC) --product keyway-bench
	install -d "$(DESTDIR)$(PREFIX)/bin"
	from="$(BUILT)"; from="$${from:-$$(swift build $(STATIC) --show-bin-path)}"; \
	for program in keyway keyway-bench; do \
		install -m 0755 -s "$$from/$$program" "$(DESTDIR)$(PREFIX)/bin/$$program" || exit 1; \
	done
	packaging/manual.sh "$(DESTDIR)$(PREFIX)/bin/keyway" "$(DESTDIR)$(PREFIX)"

deb:
	packaging/debian/make.sh $(VERSION) dist

format:
	swift format --in-place --parallel --recursive $(SOURCES)

clean:
	swift package clean
