# One image for every process; what a container runs is its command (see docker-compose.yml, docs/containers.md).
#   docker build -t hipster-lab .
#   docker build -t hipster-lab --build-arg BASE_IMAGE=mirror.example/python:3.12-slim .

# Any Debian-like image with Python 3.11 to 3.14, its venv module and libstdc++; where no registry answers,
# deploy/base-image makes one.
ARG BASE_IMAGE=python:3.11.14-slim-bookworm

FROM ${BASE_IMAGE} AS built
WORKDIR /app
RUN python3 -m venv /opt/lab
COPY requirements/clickhouse.txt requirements/
# pip compiles what it installs; the rest of this line is what no process reads: sources, headers, types, tests.
RUN /opt/lab/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/clickhouse.txt \
    && find /opt/lab/lib -regex '.*\.\(pyx\|pxd\|pyi\|c\|h\|cpp\|hpp\)' -delete \
    && find /opt/lab/lib -type d \( -name tests -o -name testing -o -name include \) \
        -path '*/gevent/*' -prune -exec rm -rf {} + \
    && rm -rf /opt/lab/include
# The same installer as `lab up`. Where the base has no npm, a Node.js is borrowed for this step and thrown away.
COPY lab/__init__.py lab/child_environment.py lab/errors.py lab/terminal.py lab/
COPY runtime/__init__.py runtime/installation.py runtime/
COPY lab/setup/__init__.py lab/setup/browser_files.py lab/setup/browser_files.toml lab/setup/node.txt lab/setup/pip_settings.py lab/setup/
RUN /opt/lab/bin/python -m lab.setup.browser_files /opt/lab/web \
    && /opt/lab/bin/python -m pip uninstall --quiet --yes setuptools pip \
    && rm -rf requirements lab runtime
COPY runtime runtime
COPY protos protos
COPY signals signals
COPY store store
COPY incidents incidents
COPY classroom classroom
COPY services services
COPY frontend frontend
COPY loadgen loadgen
COPY collector collector
COPY alerting alerting
COPY detectors detectors
COPY observer observer
COPY lab lab
# Compiled here, because a container's own files are read-only.
RUN /opt/lab/bin/python -m compileall -q --invalidation-mode unchecked-hash .

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="Hipster Lab" \
      org.opencontainers.image.description="A shop broken on purpose, real OpenTelemetry, and the screens to find out why" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/lab/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    HIPSTERLAB_WEB_DIR=/opt/lab/web
# The two places that are written to; a new volume takes its owner from them.
RUN useradd --uid 10001 --user-group --home-dir /app --no-create-home --shell /usr/sbin/nologin lab \
    && mkdir /data /flags \
    && chown lab:lab /data /flags
WORKDIR /app
COPY --from=built /opt/lab /opt/lab
COPY --from=built /app /app
COPY LICENSE README.md ./
# By number, so that a cluster can see that it is not root.
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["python", "-m", "services.buttercup"]
