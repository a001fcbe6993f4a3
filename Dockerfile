# The parts of the stack as images, a target each, built by the clone's own Makefile: the versions are those of
# servers/pom.xml and the lock files, as in the local stack. Every container runs `penstock part run NAME`.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS base
ENV LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# man1: without the folder Debian's Java does not configure on a slim image.
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates openjdk-17-jre-headless python3 procps \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd -g 10001 penstock \
 && useradd -u 10001 -g penstock -d /var/lib/penstock -s /usr/sbin/nologin penstock \
 && install -d -o penstock -g penstock /var/lib/penstock /var/lib/penstock/data \
      /var/lib/penstock/data/postgres /var/lib/penstock/data/kafka /var/lib/penstock/data/cassandra
WORKDIR /opt/penstock

# --- what `make setup` installs, each in a stage of its own, so that a change rebuilds only what it concerns ---

FROM base AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends maven make openjdk-17-jdk-headless python3-venv \
 && rm -rf /var/lib/apt/lists/*
COPY Makefile ./

FROM build AS servers
COPY servers servers
RUN --mount=type=cache,target=/root/.m2 make .servers/.installed

FROM servers AS debezium
COPY pom.xml ./
COPY connect connect
RUN --mount=type=cache,target=/root/.m2 make .servers/plugins/debezium/.installed

FROM build AS servers-zookeeper
COPY servers servers
RUN --mount=type=cache,target=/root/.m2 make setup-zookeeper

# With bytecode, as the containers may write none: without it each health check compiles all that it imports.
FROM build AS python
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY penstock/__init__.py penstock/__init__.py
COPY spark/penstock_views/__init__.py spark/penstock_views/__init__.py
RUN --mount=type=cache,target=/root/.cache UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 make .venv/.installed

FROM build AS airflow-python
COPY airflow/requirements.lock airflow/requirements.lock
RUN --mount=type=cache,target=/root/.cache UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 make .servers/airflow-venv/.installed

FROM build AS plugins
COPY LICENSE pom.xml ./
COPY servers/pom.xml servers/pom.xml
COPY connect connect
RUN --mount=type=cache,target=/root/.m2 \
    make .servers/plugins/avro-converter/.installed .servers/plugins/cassandra-sink/.installed

FROM python AS spark-classes
COPY --from=servers /opt/penstock/.servers .servers
COPY pom.xml ./
COPY servers servers
COPY penstock penstock
COPY spark spark
RUN --mount=type=cache,target=/root/.m2 \
    touch .servers/.installed .venv/.installed && make .servers/spark/penstock-decoder.jar .servers/spark/classes.jsa

# --- the parts ---

FROM base AS penstock
COPY --from=python /opt/penstock/.venv .venv
COPY servers servers
COPY schemas schemas
COPY connect/worker.properties connect/jmx.yml connect/
COPY connect/connectors connect/connectors
COPY airflow airflow
COPY spark spark
COPY penstock penstock
COPY Makefile pyproject.toml ./
ENV PATH=/opt/penstock/.venv/bin:$PATH PENSTOCK_CONFIG=/opt/penstock/servers/compose/penstock.toml HOME=/tmp
# A volume begins as the folder that it covers.
RUN for part in spark-worker kafka-2 kafka-3 cassandra-2 cassandra-3; do \
      install -d -o penstock -g penstock "/var/lib/penstock/data/$part"; done \
 && python -m compileall -q penstock spark airflow
USER 10001:10001
ENTRYPOINT ["penstock"]

FROM penstock AS postgres
COPY --from=servers /opt/penstock/.servers/postgres .servers/postgres

FROM penstock AS kafka
COPY --from=servers /opt/penstock/.servers/kafka .servers/kafka

FROM penstock AS zookeeper
COPY --from=servers-zookeeper /opt/penstock/.servers .servers

FROM penstock AS registry
COPY --from=servers /opt/penstock/.servers/registry .servers/registry

FROM penstock AS cassandra
COPY --from=servers /opt/penstock/.servers/cassandra .servers/cassandra

FROM kafka AS connect
COPY --from=debezium /opt/penstock/.servers/plugins/debezium .servers/plugins/debezium
COPY --from=plugins /opt/penstock/.servers/plugins .servers/plugins

FROM penstock AS spark
COPY --from=spark-classes /opt/penstock/.servers/spark .servers/spark

FROM penstock AS airflow
COPY --from=airflow-python /opt/penstock/.servers/airflow-venv .servers/airflow-venv
