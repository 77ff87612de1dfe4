# turnpike. One Makefile, no recursion into folders; `make help` lists the
# targets. Sources are found by wildcard: a new src/FOLDER/NAME.c,
# tests/unit/test_NAME.c, tests/fuzz/fuzz_NAME.c or tests/bench/NAME.c needs
# no line here. Everything made goes to $(BUILD), so that builds with another
# compiler or sanitizer stand beside each other:
#
#	make CC=clang BUILD=build/clang
#	make SANITIZE=address,undefined BUILD=build/asan

BUILD ?= build

# Sanitizers, as after -fsanitize=; empty for the hardened build.
SANITIZE ?=
# 1: a warning is an error.
WERROR ?= 0
# 1: print whole commands.
V ?= 0

# How much the tests do.
SIM_SEEDS ?= 1000
SIM_FROM ?= 1
SIM_LONG_SEEDS ?= 100000
FUZZ_SECONDS ?= 600
FUZZ_SMOKE_SECONDS ?= 5
COVER_MIN ?= 95
ABUSE ?= 10
MUTANTS ?= 5
MUTANTS_SEED ?= $(shell date +%j)

# The system's Python is the one that python3-pytest is installed for.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
CLANG ?= clang
CLANG_FORMAT ?= $(firstword $(shell command -v clang-format-14 clang-format))

-include config.mk

Q = $(if $(filter 1,$(V)),,@)
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

comma := ,

.PHONY: all
all: ## turnpiked, turnpikectl and turnpike-address

# Targets that work in a fresh checkout, before ./configure.
unconfigured := help format clean distclean check-bare
ifneq ($(filter-out $(unconfigured),$(or $(MAKECMDGOALS),all)),)
ifndef VERSION
$(error Not configured yet. Run ./bootstrap build, which installs what is \
missing, configures and builds; or autoconf && ./configure)
endif
endif

# --- flags ------------------------------------------------------------------

# $(call cc-option,FLAG): FLAG, if the compiler in use takes it.
cc-option = $(shell printf '\043include <string.h>\n' | \
	$(CC) -Werror -O2 $(1) -x c -c - -o /dev/null 2>/dev/null && \
	printf '%s' '$(1)')

core_folders := base stun turn client

ifdef VERSION
cppflags := -D_GNU_SOURCE -I. -Isrc \
	-DTURNPIKE_SYSCONFDIR='"$(sysconfdir)"' \
	-DTURNPIKE_LOCALSTATEDIR='"$(localstatedir)"'
cflags := -std=c11 -fPIE -pthread
ldflags := -pie -pthread -Wl,--as-needed -Wl,-z,relro -Wl,-z,now

warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla $(if $(filter 1,$(WERROR)),-Werror)
# Layers 0-2 count bytes that strangers send: no silent narrowing there.
core_warnings := -Wconversion

ifeq ($(SANITIZE),)
hardening := -fstack-protector-strong \
	$(call cc-option,-fstack-clash-protection) \
	$(call cc-option,-fcf-protection) \
	$(call cc-option,-ftrivial-auto-var-init=zero) \
	$(or $(call cc-option,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3),\
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
else ifeq ($(SANITIZE),none)
# For valgrind and coverage: nothing that hides an uninitialised read.
instrument := -O1 -g
else
instrument := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) \
	$(if $(findstring undefined,$(SANITIZE)),-fno-sanitize-recover=undefined)
ldflags += -fsanitize=$(subst fuzzer-no-link$(comma),,$(SANITIZE))
endif

# What the user gave comes after ours and wins. asserts stay: no -DNDEBUG.
ALL_CFLAGS = $(cppflags) $(LIB_CFLAGS) $(cflags) $(warnings) $(hardening) \
	$(CPPFLAGS) $(CFLAGS) $(instrument) $(EXTRA_CFLAGS)
ALL_LDFLAGS = $(ldflags) $(LDFLAGS) $(CFLAGS) $(EXTRA_CFLAGS)
endif

# --- sources and what is made of them -----------------------------------------

core_src := $(foreach d,$(core_folders),$(sort $(wildcard src/$(d)/*.c)))
ctl_src := $(sort $(wildcard src/turnpikectl/*.c))
address_src := $(sort $(wildcard src/turnpike-address/*.c))
ctl_main := $(filter %/main.c,$(ctl_src))
main_src := $(wildcard src/main.c)
shell_src := $(filter-out $(core_src) $(ctl_src) $(address_src),\
	$(sort $(wildcard src/*/*.c)))
unit_src := $(sort $(wildcard tests/unit/test_*.c tests/vectors/test_*.c))
unit_help_src := $(filter-out $(unit_src),$(sort $(wildcard tests/unit/*.c)))
sim_src := $(sort $(wildcard tests/sim/*.c))
fuzz_src := $(sort $(wildcard tests/fuzz/fuzz_*.c))
fuzz_help_src := $(filter-out $(fuzz_src),$(sort $(wildcard tests/fuzz/*.c)))
system_src := $(sort $(wildcard tests/system/*.c))
bench_all := $(sort $(wildcard tests/bench/*.c))
bench_src := $(filter-out tests/bench/common_%,$(bench_all))
bench_help_src := $(filter tests/bench/common_%,$(bench_all))

all_src := $(core_src) $(shell_src) $(main_src) $(ctl_src) $(address_src) \
	$(unit_src) \
	$(unit_help_src) $(sim_src) $(fuzz_src) $(fuzz_help_src) $(system_src) \
	$(bench_all)
all_headers := $(sort $(wildcard src/*.h src/*/*.h tests/*/*.h))

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
programs = $(patsubst %.c,$(BUILD)/%,$(1))

# The status page, as C.
page_src := $(sort $(wildcard src/ctl/page/*))
page_object := $(BUILD)/obj/page_files.o

core_lib := $(BUILD)/libturnpike-core.a
all_lib := $(BUILD)/libturnpike.a
# All of turnpikectl but its main(), so that tests can link it.
ctl_lib := $(BUILD)/libturnpikectl.a
daemon := $(if $(main_src),$(BUILD)/turnpiked)
ctl := $(if $(ctl_src),$(BUILD)/turnpikectl)
address := $(BUILD)/turnpike-address
unit_programs := $(call programs,$(unit_src))
sim_program := $(if $(sim_src),$(BUILD)/tests/sim/sim)
fuzz_programs := $(call programs,$(fuzz_src))
system_programs := $(call programs,$(system_src))
bench_programs := $(call programs,$(bench_src))

all: $(daemon) $(ctl) $(address)

# The flags of the last build in $(BUILD); when they change, all is rebuilt.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS))' \
		>$@.$$$$; \
	cmp -s $@.$$$$ $@ && rm -f $@.$$$$ || mv -f $@.$$$$ $@

.PHONY: FORCE
FORCE:

define compile
@mkdir -p $(@D)
@echo "  CC    $<"
$(Q)$(CC) $(ALL_CFLAGS) $(object_cflags) -MMD -MP -c -o $@ $<
endef

$(BUILD)/obj/%.o: %.c config.h $(BUILD)/flags
	$(compile)

# The folder's time changes when a file goes.
$(BUILD)/page_files.c: src/ctl/embed src/ctl/page $(page_src)
	@mkdir -p $(@D)
	$(Q)src/ctl/embed $(page_src) >$@

$(page_object): $(BUILD)/page_files.c config.h $(BUILD)/flags
	$(compile)

$(call objects,$(core_src)): object_cflags = $(core_warnings)
$(call objects,$(unit_src) $(unit_help_src)): object_cflags = \
	-Itests/unit $(CHECK_CFLAGS)

$(call objects,$(unit_src) $(unit_help_src)): | need-check

.PHONY: need-check
need-check:
	$(if $(CHECK_LIBS),,@echo "The unit tests need the library Check:" \
		"apt-get install check, then ./configure" >&2; exit 1)

-include $(patsubst %.c,$(BUILD)/obj/%.d,$(all_src)) $(page_object:.o=.d)

# Static archives, so that a test links only what it needs. Layers 0-2 have
# their own: what links it alone cannot reach a socket.
$(core_lib): $(call objects,$(core_src))
$(all_lib): $(call objects,$(core_src) $(shell_src)) $(page_object)
$(ctl_lib): $(call objects,$(filter-out $(ctl_main),$(ctl_src)))
$(core_lib) $(all_lib) $(ctl_lib):
	@rm -f $@
	@mkdir -p $(@D)
	$(Q)$(AR) rcsD $@ $^

# $(call link,LIBRARIES): links all objects and archives among $^. A source
# may ask the linker for more in its first line: /* link: -Wl,--wrap=malloc */
define link
@mkdir -p $(@D)
@echo "  LINK  $@"
$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
	$$(sed -n '1s,^/\* link: \(.*\) \*/$$,\1,p' /dev/null $(1)) \
	$(2) $(LIBS)
endef

$(BUILD)/turnpiked: $(call objects,$(main_src)) $(all_lib)
	$(call link)

$(BUILD)/turnpikectl: $(call objects,$(ctl_main)) $(ctl_lib) $(all_lib)
	$(call link)

$(BUILD)/turnpike-address: $(call objects,$(address_src)) $(all_lib)
	$(call link)

$(unit_programs): $(BUILD)/%: $(BUILD)/obj/%.o \
		$(call objects,$(unit_help_src)) $(ctl_lib) $(all_lib)
	$(call link,$*.c,$(CHECK_LIBS))

$(BUILD)/tests/sim/sim: $(call objects,$(sim_src)) $(core_lib)
	$(call link)

$(system_programs): $(BUILD)/%: $(BUILD)/obj/%.o $(all_lib)
	$(call link,$*.c)

$(bench_programs): $(BUILD)/%: $(BUILD)/obj/%.o \
		$(call objects,$(bench_help_src)) $(all_lib)
	$(call link,$*.c)

$(fuzz_programs): $(BUILD)/%: $(BUILD)/obj/%.o \
		$(call objects,$(fuzz_help_src)) $(ctl_lib) $(all_lib)
	$(call link,$*.c,-fsanitize=fuzzer)

# Written by ./configure; made again when their templates change.
ifdef VERSION
config.mk config.h: %: %.in config.status
	./config.status $@ && touch $@
config.status: configure.ac
	autoconf && ./config.status --recheck
endif

# --- running and testing --------------------------------------------------------

.PHONY: run
run: ## build and start turnpiked from run/turnpike.conf, as ./bootstrap run
	@./bootstrap run

.PHONY: check
check: check-unit check-sim ## unit tests, vectors, simulator: seconds, no root, no network

.PHONY: check-programs
check-programs: $(unit_programs) $(sim_program)

.PHONY: check-unit
check-unit: $(unit_programs)
	@tests/unit/run $(unit_programs)

.PHONY: check-peer-rules
check-peer-rules: $(BUILD)/tests/unit/test_peer_policy ## 10,000,000 addresses against the reference
	PEER_ADDRESSES=10000000 $<

.PHONY: check-sim
check-sim: $(sim_program)
	$(if $(sim_program),$(sim_program) --seeds $(SIM_SEEDS) --from $(SIM_FROM))

.PHONY: sim-long
sim-long: ## the simulator with SIM_LONG_SEEDS seeds (100,000), new ones each day
	@$(MAKE) check-sim SIM_SEEDS=$(SIM_LONG_SEEDS) \
		SIM_FROM=$$(( $$(date +%s) / 86400 * $(SIM_LONG_SEEDS) ))

# Programs of the tests that ./bootstrap check unpacked come first in PATH.
test_env = env PATH="$(CURDIR)/build/tools/bin:$$PATH" \
	TURNPIKED="$(abspath $(BUILD))/turnpiked"

.PHONY: check-system system-programs
system-programs: $(system_programs)

check-system: all $(system_programs) ## the real daemon with real clients (pytest; root for some)
	$(test_env) PYTHON="$(PYTHON)" tests/system/run

.PHONY: check-abuse
check-abuse: all $(BUILD)/tests/unit/test_nonce ## abuse and reloads with ABUSE (10) times as much of everything
	TURNPIKE_ABUSE=$(ABUSE) $(BUILD)/tests/unit/test_nonce
	TURNPIKE_ABUSE=$(ABUSE) $(test_env) $(PYTHON) -m pytest -q -rs -s \
		tests/system/test_abuse*.py tests/system/test_reload_scale.py

.PHONY: check-browser
check-browser: all ## calls between headless Chromium pages through the daemon
	$(test_env) npm --prefix tests/browser test

.PHONY: check-proxy
check-proxy: ## the signaling proxy: real nginx, upstreams, resolver, a browser
	$(test_env) PYTHON="$(PYTHON)" tests/proxy/run

.PHONY: check-bare
check-bare: ## ./bootstrap run and check in a minimal Debian 12 (root, debootstrap)
	tests/bare/run

.PHONY: check-azure
check-azure: all ## the Azure templates, offline: what they make, and that turnpiked takes it
	$(test_env) $(PYTHON) -m pytest -q -rs tests/azure

.PHONY: check-azure-boot
check-azure-boot: ## the first boot by cloud-init in a container (root, debootstrap)
	PYTHON="$(PYTHON)" tests/azure/boot

# Each sanitizer in a build of its own; the sub-make is for its BUILD only.
.PHONY: check-asan check-tsan check-valgrind
check-asan: ## check with the address and undefined behaviour sanitizers
	+@$(MAKE) BUILD=$(BUILD)/asan SANITIZE=address,undefined \
		SIM_SEEDS=$$(( $(SIM_SEEDS) / 10 )) check

check-tsan: ## check with the thread sanitizer
	+@$(MAKE) BUILD=$(BUILD)/tsan SANITIZE=thread \
		SIM_SEEDS=$$(( $(SIM_SEEDS) / 20 )) check

check-valgrind: ## the unit tests and a few simulator seeds under valgrind
	+@$(MAKE) BUILD=$(BUILD)/valgrind SANITIZE=none valgrind-run

valgrind := valgrind -q --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite,possible
.PHONY: valgrind-run
valgrind-run: $(unit_programs) $(sim_program)
	@CK_FORK=no WRAPPER='$(valgrind)' tests/unit/run $(unit_programs)
	$(if $(sim_program),$(valgrind) $(sim_program) \
		--seeds $$(( $(SIM_SEEDS) / 500 )) --from $(SIM_FROM))

.PHONY: fuzz fuzz-smoke fuzz-build fuzz-programs fuzz-run
in_fuzz_build = CC=$(CLANG) BUILD=$(BUILD)/fuzz \
	SANITIZE=fuzzer-no-link,address,undefined
fuzz: ## every libFuzzer target for FUZZ_SECONDS (600) each; needs clang
	+@$(MAKE) $(in_fuzz_build) fuzz-run

fuzz-smoke: ## every libFuzzer target for FUZZ_SMOKE_SECONDS (5)
	+@$(MAKE) fuzz FUZZ_SECONDS=$(FUZZ_SMOKE_SECONDS)

fuzz-build: ## the targets only
	+@$(MAKE) $(in_fuzz_build) fuzz-programs

fuzz-programs: $(fuzz_programs)

fuzz-run: $(fuzz_programs)
	@tests/fuzz/run $(FUZZ_SECONDS) $(fuzz_programs)

.PHONY: bench bench-programs
bench-programs: $(bench_programs)

bench: all $(bench_programs) ## speed and size beside coturn; writes tests/bench/RESULTS.md
	$(test_env) BENCH="$(abspath $(BUILD))/tests/bench" tests/bench/run

.PHONY: bench-proxy
bench-proxy: ## requests/s of the signaling proxy beside the plainest one (wrk)
	$(test_env) $(PYTHON) tests/proxy/bench

.PHONY: check-service
check-service: ## the package in a booted Debian 12 (root, debootstrap)
	tests/service/run

.PHONY: check-container
check-container: ## the image, built by Debian's buildah and started (root, debootstrap)
	tests/container/run

.PHONY: check-proxy-service
check-proxy-service: ## the proxy's package in a booted Debian 12 (root, debootstrap)
	PYTHON="$(PYTHON)" tests/proxy/service

.PHONY: cover cover-run
cover: ## line coverage of layers 0-2 by check; fails below COVER_MIN (95) %
	+@$(MAKE) BUILD=$(BUILD)/cover SANITIZE=none EXTRA_CFLAGS='--coverage -O0' \
		SIM_SEEDS=$$(( $(SIM_SEEDS) / 20 )) cover-run

cover-run:
	@mkdir -p $(BUILD) && find $(BUILD) -name '*.gcda' -delete
	+@$(MAKE) check
	@tests/coverage $(BUILD) $(COVER_MIN) $(core_src)

.PHONY: mutants mutants-some
mutants: ## each defect of tests/mutants must be caught by check
	@BUILD=$(BUILD) tests/mutants/run

mutants-some: ## MUTANTS (5) of them, chosen by MUTANTS_SEED (the day)
	@BUILD=$(BUILD) tests/mutants/run --some $(MUTANTS) --seed $(MUTANTS_SEED)

# --- looking after the source ----------------------------------------------------

.PHONY: lint
lint: all $(call objects,$(core_src)) ## layers, banned functions, style, static analysis, documents
	@BUILD=$(BUILD) CC='$(CC)' tests/lint/run

.PHONY: format
format: ## clang-format over all C files (version 14)
	$(CLANG_FORMAT) -i $(all_src) $(all_headers)

# One entry per source, for editors and clang tools.
.PHONY: compile_commands.json
compile_commands.json: ## the compilation database
	@{ comma='['; for source in $(all_src); do \
		printf '%s\n{"directory": "%s", "file": "%s", "command": "%s"}' \
			"$$comma" '$(CURDIR)' "$$source" \
			'$(subst ",\",$(subst ','\'',$(CC) $(ALL_CFLAGS))) '"-Itests/unit -c $$source"; comma=,; \
	done; printf ']\n'; } >$@

# --- installing --------------------------------------------------------------------

INSTALL ?= install
unitdir = $(prefix)/lib/systemd/system
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
sysctldir = $(prefix)/lib/sysctl.d
bashcompdir = $(datarootdir)/bash-completion/completions
zshcompdir = $(datarootdir)/zsh/site-functions

# The templates in systemd/ name the configured directories.
$(BUILD)/systemd/%: systemd/%.in config.mk
	@mkdir -p $(@D)
	$(Q)sed -e 's,@sbindir@,$(sbindir),g' -e 's,@bindir@,$(bindir),g' \
		-e 's,@sysconfdir@,$(sysconfdir),g' \
		-e 's,@docdir@,$(docdir),g' $< >$@

systemd_files := $(patsubst systemd/%.in,$(BUILD)/systemd/%,\
	$(wildcard systemd/*.in))
.PHONY: systemd-files
systemd-files: $(systemd_files)

proxy_manual := man/turnpike-proxy-setup.8
manuals := $(filter-out $(proxy_manual),$(wildcard man/*.[158]))
documents := $(wildcard README.md CHANGELOG.md LICENSE doc/openapi.yaml \
	doc/metrics.md)
grafana := $(wildcard deploy/grafana/*)
# Units, what has a folder of its own below lib, and the rest: drop-ins, which
# are examples.
units := $(filter %.service %.timer,$(systemd_files))
lib_d := $(addprefix $(BUILD)/systemd/,sysctl.conf sysusers.conf tmpfiles.conf)
drop_ins := $(filter-out $(units) $(lib_d),$(systemd_files))

# Each file that is installed, as FROM:TO; install and uninstall read the same
# lists. turnpike.conf is not among them: it is its owner's.
# $(call placed,FILES,FOLDER): files that keep their names.
placed = $(foreach file,$(1),$(file):$(2)/$(notdir $(file)))
installed_programs = $(call placed,$(daemon),$(sbindir)) \
	$(call placed,$(address),$(sbindir)) $(call placed,$(ctl),$(bindir))
installed_files = $(call placed,$(documents),$(docdir)) \
	$(call placed,$(drop_ins),$(docdir)/examples) \
	etc/fail2ban/turnpiked.conf:$(docdir)/examples/fail2ban-filter.conf \
	$(call placed,$(grafana),$(docdir)/examples/grafana) \
	$(foreach page,$(manuals),\
	$(call placed,$(page),$(call man_folder,$(page)))) \
	$(call placed,$(wildcard etc/completion/turnpikectl),$(bashcompdir)) \
	$(call placed,$(wildcard etc/completion/_turnpikectl),$(zshcompdir)) \
	$(call placed,$(units),$(unitdir)) \
	$(BUILD)/systemd/sysctl.conf:$(sysctldir)/60-turnpike.conf \
	$(BUILD)/systemd/sysusers.conf:$(sysusersdir)/turnpike.conf \
	$(BUILD)/systemd/tmpfiles.conf:$(tmpfilesdir)/turnpike.conf \
	etc/acs.list:$(sysconfdir)/turnpike/acs.list
man_folder = $(mandir)/man$(subst .,,$(suffix $(1)))
# Of each pair the second half, below DESTDIR.
installed_at = $(foreach pair,$(1),$(DESTDIR)$(lastword $(subst :, ,$(pair))))

.PHONY: install
install: all $(systemd_files) ## to prefix (/usr/local), below DESTDIR; an existing turnpike.conf stays
	@set -e; umask 022; \
	put() { \
		for pair; do \
			$(INSTALL) -D -m $$mode "$${pair%%:*}" \
				"$(DESTDIR)$${pair#*:}"; \
		done; \
	}; \
	mode=755; put $(installed_programs); \
	mode=644; put $(installed_files); \
	test -e $(DESTDIR)$(sysconfdir)/turnpike/turnpike.conf || { \
		mode=640; \
		put etc/turnpike.conf:$(sysconfdir)/turnpike/turnpike.conf; \
	}
	@echo "Next: systemd-sysusers && systemd-tmpfiles --create &&"
	@echo "systemctl daemon-reload && systemctl restart systemd-sysctl; edit"
	@echo "$(sysconfdir)/turnpike/turnpike.conf; systemctl enable --now turnpiked"

.PHONY: uninstall
uninstall: ## removes what install put there; turnpike.conf stays
	rm -f $(call installed_at,$(installed_programs) $(installed_files))
	-rmdir $(DESTDIR)$(docdir)/examples/grafana \
		$(DESTDIR)$(docdir)/examples $(DESTDIR)$(docdir)

# The signaling proxy is installed by itself: it may stand elsewhere.
proxydir = $(datarootdir)/turnpike/proxy
.PHONY: install-proxy
install-proxy: ## the signaling proxy's files and turnpike-proxy-setup; needs nginx then
	$(INSTALL) -d $(DESTDIR)$(sbindir) $(DESTDIR)$(mandir)/man8 \
		$(DESTDIR)$(proxydir)/http $(DESTDIR)$(proxydir)/server \
		$(DESTDIR)$(docdir)
	sed -e 's,^share=.*,share=$(proxydir),' \
		-e 's,^sysconfdir=.*,sysconfdir=$(sysconfdir),' \
		deploy/nginx/turnpike-proxy-setup \
		>$(DESTDIR)$(sbindir)/turnpike-proxy-setup
	chmod 755 $(DESTDIR)$(sbindir)/turnpike-proxy-setup
	$(INSTALL) -m 644 deploy/nginx/*.in deploy/nginx/*.conf etc/acs.list \
		$(DESTDIR)$(proxydir)
	$(INSTALL) -m 644 deploy/nginx/http/*.conf $(DESTDIR)$(proxydir)/http
	$(INSTALL) -m 644 deploy/nginx/server/*.conf \
		$(DESTDIR)$(proxydir)/server
	$(INSTALL) -m 644 $(proxy_manual) $(DESTDIR)$(mandir)/man8
	$(INSTALL) -m 644 doc/signaling-proxy.md $(DESTDIR)$(docdir)

.PHONY: uninstall-proxy
uninstall-proxy: ## removes what install-proxy put there
	rm -f $(DESTDIR)$(sbindir)/turnpike-proxy-setup \
		$(DESTDIR)$(mandir)/man8/$(notdir $(proxy_manual)) \
		$(DESTDIR)$(docdir)/signaling-proxy.md
	rm -rf $(DESTDIR)$(proxydir)
	-rmdir $(DESTDIR)$(datarootdir)/turnpike $(DESTDIR)$(docdir)

# The release: what git holds, and configure, so that no autoconf is needed.
# Time and owner are fixed, so that the same commit gives the same bytes.
release := $(PACKAGE)-$(VERSION)
.PHONY: dist
dist: ## turnpike-VERSION.tar.gz of the files git knows, with configure
	autoconf
	git ls-files | grep -v '^configure$$' | \
	tar --create --files-from=- --sort=name --owner=0 --group=0 \
		--numeric-owner --mtime=@$$(git log -1 --format=%ct) \
		--transform='s,^,$(release)/,' --add-file=configure | \
	gzip -9n >$(release).tar.gz
	@echo $(release).tar.gz

# Debian packages, built in a copy of the files git knows, as a packager
# would; lintian has the last word.
deb_src := build/deb/$(release)
.PHONY: deb
deb: ## Debian packages turnpike and turnpike-signaling-proxy, in build/deb
	@rm -rf build/deb && mkdir -p $(deb_src)
	@git ls-files | tar --create --files-from=- | tar -x -C $(deb_src)
	@cp -a $(deb_src)/deploy/debian $(deb_src)/debian
	@test "$$(dpkg-parsechangelog -l $(deb_src)/debian/changelog \
		-S Version)" = $(VERSION) || { echo "deploy/debian/changelog" \
		"is not at version $(VERSION)"; exit 1; }
	cd $(deb_src) && env -u MAKEFLAGS -u MAKELEVEL -u WERROR \
		dpkg-buildpackage -b -us -uc >../log 2>&1 || \
		{ tail -n 50 ../log; exit 1; }
	lintian --fail-on error,warning build/deb/*.changes
	@ls build/deb/*.deb

.PHONY: clean
clean: ## removes what make made in BUILD (not build/tools)
	rm -rf $(addprefix $(BUILD)/,obj tests systemd asan tsan valgrind fuzz \
		cover deb service mutants ci clang gcc flags screenshots page_files.c \
		turnpiked turnpikectl turnpike-address *.a)

.PHONY: distclean
distclean: ## clean, and removes build/ with its tools, configure and config.*
	rm -rf $(BUILD) build autom4te.cache configure configure~ config.h \
		config.mk config.log config.status compile_commands.json

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z_.-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | sort | \
		awk -F '\t' '{ printf "%-22s %s\n", $$1, $$2 }'
	@echo
	@echo "Variables: BUILD=build/NAME CC=clang WERROR=1 V=1 SIM_SEEDS=N"
	@echo "FUZZ_SECONDS=N SANITIZE=address,undefined DESTDIR=... prefix=..."
