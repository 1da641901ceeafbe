# Thin targets. `./dev TARGET` installs what one lacks and runs it.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
PREFIX ?= /usr/local
ARCHITECTURES ?= amd64 arm64
PLATFORMS ?= linux-x86_64-gnu linux-aarch64-gnu linux-x86_64-musl linux-aarch64-musl
LIBDIR ?= lib
SONAME = libmqproducer.so.$(firstword $(subst ., ,$(shell sh packaging/version.sh)))
# Where Rust brings lld, which it then links with, functions of the same instructions become one.
FOLD = $(if $(wildcard $(shell rustc --print sysroot)/lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld),-C link-arg=-Wl$(comma)--icf=all)
comma = ,
PLATFORM = linux-$(shell uname -m)-$(if $(wildcard /lib/ld-musl-*),musl,gnu)

.PHONY: demo test test-long lint header bench bench-drivers bench-activemq faults package packages proof install librocketmq docs reference site clean

demo:
	@CARGO="$(CARGO)" sh examples/demo.sh

# SUITES: some of the suites, by the names in tests/run.sh; all when empty.
test:
	@CARGO="$(CARGO)" sh tests/run.sh $(SUITES)

# The same suites; those that measure or repeat do so at full length.
test-long:
	@CARGO="$(CARGO)" MQP_TEST_LONG=1 sh tests/run.sh $(SUITES)

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --all-targets --no-default-features -- -D warnings
	CARGO_TARGET_DIR=$(TARGET)/librocketmq $(CARGO) clippy -p librocketmq -p mqproducer --lib -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --quiet

# Writes include/mqproducer.h anew from the Rust declarations.
header:
	MQP_WRITE_HEADER=1 $(CARGO) check

# Writes the generated pages anew.
docs:
	MQP_WRITE_DOCS=1 $(CARGO) test --lib -- page
	MQP_WRITE_DOCS=1 $(CARGO) test --test acceptance

# What the doc comments of each language say, as pages below target/reference.
reference:
	$(CARGO) build
	rm -rf $(TARGET)/reference && mkdir -p $(TARGET)/reference/c $(TARGET)/reference/python $(TARGET)/reference/go
	(cat docs/Doxyfile && echo "OUTPUT_DIRECTORY=$(TARGET)/reference/c") | doxygen -
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --quiet && cp -R $(TARGET)/doc $(TARGET)/reference/rust
	library=$$(realpath $(TARGET)/debug/libmqproducer.so) && root=$$PWD && cd $(TARGET)/reference/python && \
	    MQPRODUCER_LIBRARY=$$library PYTHONPATH=$$root/bindings/python python3 -m pydoc -w mqproducer
	output=$$(realpath $(TARGET)/reference/go) && cd bindings/go && go doc -all . >$$output/mqproducer.txt

# The optimised libraries and headers of this machine's kind in dist/, laid out as they are installed, and as an archive
# and a .deb. Not the crate type `lib`: beside it cargo leaves link-time optimisation out. The name that programs record
# is given here only: the tests load what cargo builds, by its own name. packaging/cflags leave out of zstd what makes
# decompressing faster, which no send does.
package:
	CFLAGS="$(CFLAGS) $$(cat packaging/cflags)" RUSTFLAGS="$(RUSTFLAGS) $$(sh packaging/rustflags.sh)" \
	    $(CARGO) rustc --release --lib --crate-type cdylib,staticlib -- -C link-arg=-Wl,-soname,$(SONAME) $(FOLD)
	ln -sf libmqproducer.so $(TARGET)/release/$(SONAME)
	sh packaging/package.sh $(TARGET)/release $(PLATFORM)

# What `package` has built, below $(DESTDIR)$(PREFIX); LIBDIR may be such as lib/x86_64-linux-gnu.
install:
	@[ -e dist/lib/$(SONAME) ] || { echo "make package comes first"; exit 1; }
	sh packaging/tree.sh dist/lib "$(DESTDIR)$(PREFIX)" "$(LIBDIR)"
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || PATH="$$PATH:/sbin:/usr/sbin" ldconfig 2>/dev/null || true

# The documentation as static, searchable pages in target/site, with the references of all languages.
site: reference
	sh packaging/site.sh $(TARGET)/site

# The libraries for each platform, by zig, and all that is given away of them: archives, .debs, wheels, the Go module.
packages:
	sh packaging/all.sh $(PLATFORMS)

# Each of those, installed by its one command in an empty Debian 12 and used: packaging/proof.sh says what it takes.
proof:
	sh packaging/proof.sh $(ARCHITECTURES)

# What the parts of a send cost, by criterion, and the instructions of whole sends through the C surface, by callgrind.
bench: package
	cd benches/parts && CARGO_TARGET_DIR=$(abspath $(TARGET)) $(CARGO) bench
	sh benches/instructions/run.sh dist/lib/libmqproducer.so benches/results/instructions.csv

# Every fault under load from each language against real clusters, and ten minutes of random ones; writes the tables of
# docs/RELIABILITY.md anew. MQP_SOAK_SECONDS: another length.
faults:
	$(CARGO) build
	MQP_TEST_LONG=1 $(CARGO) test --test cluster -- fault

# Programs that measure the library of `package` beside other clients; see benches/drivers/README.md.
bench-drivers: package
	sh benches/drivers/build.sh dist/lib/libmqproducer.so $(TARGET)/bench-drivers

# This library beside the official Java client before the same ActiveMQ; see benches/activemq/README.md.
bench-activemq: package
	mvn -B -q package -f tests/activemq/java/pom.xml -Dcluster.dir=$(abspath $(TARGET))/bench-activemq/java
	"$(or $(CC),cc)" -std=gnu11 -O2 -Wall -Wextra -Werror -Iinclude benches/activemq/send.c -o $(TARGET)/bench-activemq/send \
	    -Ldist/lib -lmqproducer -Wl,-rpath,$(abspath dist/lib) -lpthread
	python3 benches/activemq/run.py $(TARGET)/bench-activemq/send $(TARGET)/bench-activemq/java

# The drop-in for RocketMQ's native client, in dist/librocketmq. Its target folder is its own: there the core is built
# without its C surface. Its two crate types leave the link-time optimisation on, which is done once for both. Of the
# static library one object remains, in which only the old functions can be seen. Both are put in place whole, under
# programs that use the ones before.
librocketmq:
	CARGO_TARGET_DIR=$(TARGET)/librocketmq RUSTFLAGS="$(RUSTFLAGS) $$(sh packaging/rustflags.sh)" \
	    $(CARGO) build -p librocketmq --release
	mkdir -p dist/librocketmq/lib dist/librocketmq/include
	new=$$(mktemp -d dist/librocketmq/lib/new.XXXXXX) && \
	    strip --strip-unneeded -o $$new/librocketmq.so $(TARGET)/librocketmq/release/librocketmq.so && \
	    sh bindings/librocketmq/archive.sh $(TARGET)/librocketmq/release/librocketmq.a $$new/librocketmq.a && \
	    mv -f $$new/librocketmq.so $$new/librocketmq.a dist/librocketmq/lib/ && rmdir $$new
	cp -R bindings/librocketmq/include/rocketmq dist/librocketmq/include/
	@ls -l dist/librocketmq/lib

clean:
	$(CARGO) clean
	rm -rf dist
