# A thin front of Meson and Ninja: `make` builds, everything else is one word. See README.md.
BUILD ?= build
SETUP = test -f $(1)/build.ninja || meson setup $(1) $(2) >$(1)/setup.log 2>&1 || { cat $(1)/setup.log; exit 1; }
APT = meson ninja-build gcc pkg-config libsqlite3-dev libcurl4-openssl-dev libmicrohttpd-dev libyaml-dev libicu-dev \
      libpcre2-dev libjq-dev libonig-dev libssl-dev libarchive-dev python3
APT_TEST = clang libclang-rt-14-dev clang-format curl libjansson-dev libjson-c-dev libcjson-dev \
           python3-jsonschema python3-yaml

.PHONY: all run test check check-all sim bench asan tsan fuzz tidy format install-deps install-test-deps clean
all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) src/cli/cadenza --quiet
	@ln -sf src/cli/cadenza $(BUILD)/cadenza

$(BUILD)/build.ninja: meson.build
	@mkdir -p $(BUILD) && $(call SETUP,$(BUILD),)

# The main job on real input: what it needs is installed first.
run: install-deps all
	@tools/run-example

test: install-deps install-test-deps all
	@tools/run-tests all

check: all
	@tools/run-tests check

# The simulator over many seeds; `make test` runs the first thousand.
SEEDS ?= 100000
sim: all
	@ninja -C $(BUILD) tests/sim/sim_run --quiet
	@$(BUILD)/tests/sim/sim_run --seeds $(SEEDS)

bench: install-deps install-test-deps all
	@bench/run

asan:
	@mkdir -p build-asan && $(call SETUP,build-asan,-Db_sanitize=address$(,)undefined -Db_lundef=false)
	@ninja -C build-asan --quiet

tsan:
	@mkdir -p build-tsan && $(call SETUP,build-tsan,-Db_sanitize=thread -Db_lundef=false)
	@ninja -C build-tsan --quiet

fuzz:
	@mkdir -p build-fuzz && CC=clang $(call SETUP,build-fuzz,-Dfuzz=true -Dtests=false -Db_sanitize=address$(,)undefined -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link)
	@ninja -C build-fuzz --quiet

tidy:
	@tools/tidy

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install-deps:
	@tools/install-packages $(APT)

install-test-deps:
	@tools/install-packages $(APT_TEST)

clean:
	rm -rf build build-asan build-tsan build-fuzz

, := ,
