# One image for every process; what it runs is the command (see docker-compose.yml).
#   docker build -t hipster-lab .

FROM python:3.11-slim AS built
WORKDIR /build
RUN python -m venv /opt/lab
COPY requirements/lab.txt requirements/node.txt requirements/
RUN /opt/lab/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/lab.txt
COPY lab lab
# Needs no Node.js in the image: one is borrowed for this step and thrown away.
RUN /opt/lab/bin/python -m lab.browser_files /opt/lab/web
RUN /opt/lab/bin/python -m pip uninstall --yes setuptools pip

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Hipster Lab" \
      org.opencontainers.image.description="A shop broken on purpose, real OpenTelemetry, and the screens to find out why" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/lab/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    HIPSTERLAB_WEB_DIR=/opt/lab/web
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin lab \
    && mkdir -p /app /data /flags \
    && chown lab /data /flags
WORKDIR /app
COPY --from=built /opt/lab /opt/lab
COPY LICENSE README.md ./
COPY protos protos
COPY store store
COPY incidents incidents
COPY services services
COPY frontend frontend
COPY loadgen loadgen
COPY collector collector
COPY observer observer
COPY lab lab
USER lab
VOLUME ["/data", "/flags"]
CMD ["python", "-m", "services.buttercup"]
