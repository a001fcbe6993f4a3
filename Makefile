# Everything a developer or a user of the clone does. `make` alone lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
UV         := .tools/bin/uv
PYTHON     := .venv/bin/python
MVN        := mvn -q -B -ntp
# Otherwise Debian's Maven writes codes of a terminal into files, too.
export MAVEN_OPTS += -Djansi.noreset=true
SYSTEM_PYTHON := $(shell command -v python3.11 || command -v python3)
# Three servers, one with TLS: this port and ten more.
TEST_CASSANDRA_PORT := 27042
POSTGRES_PLATFORM := $(shell uname -sm | sed -e 's/Linux x86_64/linux-amd64/' -e 's/Linux aarch64/linux-arm64v8/' -e 's/Darwin x86_64/darwin-amd64/' -e 's/Darwin arm64/darwin-arm64v8/')
# What a module of ours is built from.
SOURCES    = $(shell find $(1)/src/main -type f) $(1)/pom.xml pom.xml servers/pom.xml
PLUGIN_SOURCES = $(shell find connect/*/src/main -type f) $(wildcard connect/*/pom.xml)
DECODER_JAR = .servers/spark/penstock-decoder.jar

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: prerequisites .venv/.installed .servers/.installed .servers/airflow-venv/.installed .servers/plugins/debezium/.installed .servers/plugins/avro-converter/.installed .servers/plugins/cassandra-sink/.installed $(DECODER_JAR) .servers/spark/classes.jsa ## Install everything into the clone (.venv, .tools, .servers)

.PHONY: prerequisites
prerequisites:
	@servers/prerequisites.sh

.PHONY: up
up: setup ## Install, start the whole pipeline, load 1,000 users, prove that Cassandra equals Postgres
	@.venv/bin/penstock up

.PHONY: setup-zookeeper
setup-zookeeper: prerequisites .servers/kafka-3.9/.installed ## Install what the mode with ZooKeeper takes besides

.PHONY: up-zookeeper
up-zookeeper: setup setup-zookeeper ## The same as `up`, with Kafka 3.9 and ZooKeeper (docs/zookeeper.md)
	@.venv/bin/penstock up --zookeeper

.PHONY: down
down: ## Stop the pipeline, keep its data
	@.venv/bin/penstock down

.PHONY: status
status: ## Show every part of the pipeline
	@.venv/bin/penstock status

# Each lane waits more than it computes: what needs no stack is tested beside it in two more, told of at their ends. They
# leave the processors to the stack, whose lane takes longest.
.PHONY: test
test: setup ## Install and run the tests of every layer, on real servers and on one whole stack too (CONTRIBUTING.md: how long)
	@$(MAKE) --no-print-directory --jobs=3 beside-units beside-servers test-stack

.PHONY: test-all
test-all: setup ## All tests: also those that take long, and those of changes and faults again with three partitions
	@$(MAKE) --no-print-directory --jobs=3 beside-units beside-servers test-stack SLOW=--slow
	@$(MAKE) --no-print-directory test-partitioned

.PHONY: test-stack
test-stack:
	@$(PYTHON) -m pytest $(SLOW) --durations=25 tests/e2e tests/faults

.PHONY: beside-units beside-servers
beside-units: LANE = test-java test-unit
beside-servers: LANE = test-integration
beside-units beside-servers:
	@mkdir -p var-tests
	@nice -n 5 $(MAKE) --no-print-directory $(LANE) LESS_JAVA=$(if $(SLOW),,-DexcludedGroups=slow) > var-tests/$@.log 2>&1 || { cat var-tests/$@.log; exit 1; }
	@echo; echo 'Passed: $(LANE) (var-tests/$@.log)'; grep -E '^=+ .* passed' var-tests/$@.log

.PHONY: test-integration
test-integration: setup ## The tests on real servers, each alone, that they start on free ports
	@$(PYTHON) -m pytest $(SLOW) tests/integration

.PHONY: test-partitioned
test-partitioned: setup ## The tests of changes, aggregates, schema changes and faults on topics of three partitions
	@$(PYTHON) -m pytest --slow --partitioned tests/e2e/test_changes.py tests/e2e/test_aggregates.py \
	  tests/e2e/test_schema_changes.py tests/e2e/test_generated_schemas.py tests/e2e/test_fill.py tests/faults

.PHONY: test-faults
test-faults: setup ## kill -9 of each part, a frozen Cassandra, a second Connect worker
	@$(PYTHON) -m pytest --slow tests/faults

.PHONY: test-ratio
test-ratio: setup ## The benchmark beside its peer: fails when Penstock has become a third slower than it was, beside it
	@$(PYTHON) -m pytest tests/bench

.PHONY: test-java
test-java: .servers/.installed ## The tests of our Java, those of the sink on real Cassandras that they start
	@$(MVN) verify -Dcassandra.port=$(TEST_CASSANDRA_PORT) $(LESS_JAVA)

.PHONY: sink-release
sink-release: ## The Cassandra sink for others: zip, checksum and list of parts in connect/cassandra-sink/target/release
	@rm -rf connect/cassandra-sink/target/plugin connect/cassandra-sink/target/*.zip
	@$(MVN) -f connect/cassandra-sink/pom.xml -DskipTests package
	@$(SYSTEM_PYTHON) connect/cassandra-sink/release.py

.PHONY: release
release: .venv/.installed ## Build a wheel and the sink's zip with checksums into dist/, from a clean clone; TAG=yes: tag the version too
	@$(PYTHON) release/release.py $(if $(TAG),--tag)

.PHONY: sink-matrix
sink-matrix: .servers/.installed ## The sink's tests with other versions of Connect and of Cassandra (ONLY="--connect 3.6.2 --cassandra ours")
	@$(SYSTEM_PYTHON) connect/cassandra-sink/matrix/run.py $(ONLY)

.PHONY: test-zookeeper
test-zookeeper: setup setup-zookeeper ## The tests of the mode with ZooKeeper, on a whole stack; not part of `make test`
	@$(PYTHON) -m pytest --zookeeper tests/e2e/test_changes.py tests/e2e/test_life.py tests/faults/test_zookeeper.py

.PHONY: test-secure
test-secure: setup ## The tests of a secured stack (docs/secure.md), on a whole stack; not part of `make test`
	@$(PYTHON) -m pytest --slow --secure tests/e2e/test_secure.py tests/e2e/test_changes.py tests/e2e/test_life.py \
	  tests/faults/test_kill.py

.PHONY: test-ha
test-ha: setup ## More than one of each (docs/ha.md): kill -9 of any one under changes, on a whole stack; not part of `make test`
	@$(PYTHON) -m pytest --slow --ha tests/faults/test_ha.py

.PHONY: test-compose
test-compose: .venv/.installed ## The pipeline in containers: up, kills, down and up; needs Docker (docs/compose.md) and the usual ports; ZOOKEEPER=1, HA=1, SECURE=1: that form
	@servers/compose/docker-up.sh $(DOCKER_UP)
	@client=$$(servers/compose/docker-client.sh); PATH="$${client:+$$client:}$$PATH" $(PYTHON) -m pytest tests/compose $(if $(ZOOKEEPER),--zookeeper) $(if $(HA),--ha) $(if $(SECURE),--secure)

.PHONY: soak-console
soak-console: setup ## The control center under ten tabs on the running stack: memory and processor time each minute (MINUTES=60)
	@$(PYTHON) -m tests.soak.console --minutes $(or $(MINUTES),60)

.PHONY: test-unit
test-unit: .venv/.installed .servers/.installed $(DECODER_JAR) ## The fast tests: nothing needs to run
	@$(PYTHON) -m pytest $(SLOW) tests/unit tests/contract

.PHONY: check
check: .venv/.installed ## Format, lint and types, as CI does; of our Java the format
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@$(MVN) spotless:check

.PHONY: fmt
fmt: .venv/.installed ## Format and mend what can be mended
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .
	@$(MVN) spotless:apply

.PHONY: lock
lock: $(UV) ## Resolve the Python dependencies into the lock files
	@$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --python-version 3.11 --group dev pyproject.toml -o requirements.lock
	@$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --python-version 3.11 airflow/pyproject.toml -o airflow/requirements.lock

.PHONY: dashboard
dashboard: .venv/.installed ## Write Grafana's dashboard, monitoring/dashboard.json, from monitoring/dashboard.py
	@$(PYTHON) monitoring/dashboard.py

.PHONY: clean
clean: ## Delete what was installed and built (not var/: `penstock reset --yes` does that)
	@rm -rf .venv .tools .servers dist target connect/*/target spark/decoder/target

# --- how each piece is installed; a stamp file says from which inputs ---

$(UV):
	@echo "==> uv $(UV_VERSION)"
	@$(SYSTEM_PYTHON) -m venv .tools
	@.tools/bin/pip install -q --disable-pip-version-check uv==$(UV_VERSION)

# Scripts of a Python environment begin with its path, and Java's archives hold theirs: a clone that moved makes them again.
.tools/place: FORCE
	@if [ "$$(cat $@ 2>/dev/null)" != "$(CURDIR)" ]; then \
	  grep -qsF "$(CURDIR)/.venv/" .venv/bin/penstock || rm -rf .venv .servers/airflow-venv .servers/*/classes.jsa; \
	  mkdir -p .tools && echo "$(CURDIR)" > $@; \
	fi

FORCE:

.venv/.installed: requirements.lock pyproject.toml .tools/place | $(UV)
	@echo "==> Python packages (.venv)"
	@[ -d .venv ] || $(UV) venv -q --python $(SYSTEM_PYTHON) .venv
	@$(UV) pip sync --python .venv requirements.lock
	@$(UV) pip install -q --python .venv --no-deps -e .
	@touch $@

.servers/.installed: $(shell find servers -name pom.xml -not -path 'servers/kafka-3.9/*')
	@echo "==> servers (.servers): Kafka, Connect, Debezium, registry, Spark jars, Cassandra, Postgres"
	@rm -rf $(addprefix .servers/,.build kafka plugins/debezium registry spark cassandra postgres)
	@$(MVN) -f servers/pom.xml -Dpostgres.platform=$(POSTGRES_PLATFORM) package
	@cd .servers/postgres && $(SYSTEM_PYTHON) -m tarfile -e archive/*.txz . && rm -rf archive
	@touch $@

# Left out of the stamp: `make setup` keeps it, and puts the pinned one in place with the other servers only.
.PHONY: postgres
postgres: .servers/.installed ## Another Postgres for the tests in this clone: VERSION=15.14.0; without it the pinned one again
	@rm -rf .servers/postgres .servers/.build/servers-postgres  # with the marks of what was unpacked before
	@$(MVN) -f servers/postgres/pom.xml -Dpostgres.platform=$(POSTGRES_PLATFORM) $(if $(VERSION),-Dpostgres.version=$(VERSION)) package
	@cd .servers/postgres && $(SYSTEM_PYTHON) -m tarfile -e archive/*.txz . && rm -rf archive
	@.servers/postgres/bin/postgres --version

.servers/kafka-3.9/.installed: servers/kafka-3.9/pom.xml servers/pom.xml
	@echo "==> Kafka 3.9 and ZooKeeper (.servers/kafka-3.9)"
	@rm -rf .servers/kafka-3.9
	@$(MVN) -f servers/kafka-3.9/pom.xml package
	@touch $@

# session.py hands every jar of the folder to each session.
$(DECODER_JAR): $(call SOURCES,spark/decoder) .servers/.installed
	@echo "==> decoder of the views' jobs (.servers/spark)"
	@$(MVN) -f spark/decoder/pom.xml -DskipTests package
	@mv spark/decoder/target/penstock-decoder.jar $@

.servers/spark/classes.jsa: servers/spark/archive_classes.py .servers/.installed .venv/.installed
	@echo "==> archive of Spark's classes (.servers/spark)"
	@$(PYTHON) servers/spark/archive_classes.py 2> .servers/spark/archive.log || { cat .servers/spark/archive.log; exit 1; }
	@touch $@

.servers/airflow-venv/.installed: airflow/requirements.lock .tools/place | $(UV)
	@echo "==> Airflow (.servers/airflow-venv)"
	@[ -d .servers/airflow-venv ] || $(UV) venv -q --python $(SYSTEM_PYTHON) .servers/airflow-venv
	@$(UV) pip sync --python .servers/airflow-venv airflow/requirements.lock
	@touch $@

# Built again with any of our plugins: its version stands for all of them.
.servers/plugins/debezium/.installed: $(call SOURCES,connect/postgres-source) $(PLUGIN_SOURCES) .servers/.installed
	@echo "==> Postgres source connector (.servers/plugins/debezium)"
	@$(MVN) -f connect/postgres-source/pom.xml -DskipTests -Dplugins.sum=$$(cat $(sort $(PLUGIN_SOURCES)) | cksum | cut -d ' ' -f 1) package
	@mv connect/postgres-source/target/penstock-postgres-source.jar .servers/plugins/debezium/debezium-connector-postgres
	@touch $@

.servers/plugins/avro-converter/.installed: $(call SOURCES,connect/avro-converter)
	@echo "==> Avro converter (.servers/plugins/avro-converter)"
	@rm -rf connect/avro-converter/target/plugin # a jar of an earlier version would stay beside its successor
	@$(MVN) -f connect/avro-converter/pom.xml -DskipTests package
	@rm -rf .servers/plugins/avro-converter && mkdir -p .servers/plugins
	@cp -R connect/avro-converter/target/plugin/avro-converter .servers/plugins/avro-converter
	@touch $@

.servers/plugins/cassandra-sink/.installed: $(call SOURCES,connect/cassandra-sink)
	@echo "==> Cassandra sink connector (.servers/plugins/cassandra-sink)"
	@rm -rf connect/cassandra-sink/target/plugin
	@$(MVN) -f connect/cassandra-sink/pom.xml -DskipTests package
	@rm -rf .servers/plugins/cassandra-sink && mkdir -p .servers/plugins
	@cp -R connect/cassandra-sink/target/plugin/penstock-cassandra-sink .servers/plugins/cassandra-sink
	@touch $@
