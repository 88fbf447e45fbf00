# Two stages: wheels are built in the first, and only they reach the second. Pin the base by digest when you release:
#   docker build --build-arg BASE=python:3.13-slim@sha256:… .
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY detector detector
COPY ensemble ensemble
COPY suppression suppression
COPY connectors connectors
COPY tocsin tocsin
RUN pip wheel --no-cache-dir --wheel-dir /wheels ".[models]"

FROM ${BASE}
LABEL org.opencontainers.image.title="Tocsin" \
      org.opencontainers.image.description="Streaming anomaly detection that wakes people only for actionable alarms" \
      org.opencontainers.image.licenses="Apache-2.0"
# One thread for the numeric libraries: the engine is one thread, and more of them only fight for the core.
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    MKL_NUM_THREADS=1
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/tocsin --shell /usr/sbin/nologin tocsin \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/tocsin \
 && install -d -m 0755 /etc/tocsin
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels "tocsin[models]"
USER 10001:10001
WORKDIR /var/lib/tocsin
VOLUME /var/lib/tocsin
EXPOSE 9464
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 CMD ["tocsin", "health"]
ENTRYPOINT ["tini", "--", "tocsin"]
CMD ["run", "-c", "/etc/tocsin/tocsin.yaml"]
