# Two build arguments for networks that cannot reach the public servers:
#   --build-arg BASE_IMAGE=registry.example.com/library/python:3.13-slim-bookworm
#   --build-arg PIP_INDEX_URL=https://mirror.example.com/simple
# The address of the package index stays in the first stage and is not in the finished image.
ARG BASE_IMAGE=python:3.13-slim-bookworm

FROM ${BASE_IMAGE} AS build
ARG PIP_INDEX_URL
WORKDIR /src
# The environment has no pip of its own: nothing installs anything at run time.
RUN python -m venv --without-pip /opt/outbound-exporter
COPY requirements/runtime.txt requirements/
RUN python -m pip --python /opt/outbound-exporter/bin/python install \
    --no-cache-dir --no-compile --require-hashes -r requirements/runtime.txt
# The package is pure Python and copied as it is, so that no build backend has to be fetched.
COPY exporter exporter
COPY LICENSE /opt/outbound-exporter/
RUN cp -R exporter "$(/opt/outbound-exporter/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && printf '%s\n' '#!/opt/outbound-exporter/bin/python' 'import sys' \
        'from exporter.cli import main' 'sys.exit(main())' \
        > /opt/outbound-exporter/bin/outbound-exporter \
    && chmod +x /opt/outbound-exporter/bin/outbound-exporter
# Bytecode that does not look at the time of its source stays valid whatever a registry or a
# rebuild does to file times; a read-only file system could not take it anew. The modes are those
# of the checkout, which a strict umask makes unreadable for the user below.
RUN /opt/outbound-exporter/bin/python -m compileall -q -f \
        --invalidation-mode unchecked-hash /opt/outbound-exporter/lib \
    && chmod -R a+rX /opt/outbound-exporter

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="outbound-exporter" \
    org.opencontainers.image.description="Prometheus exporter for outbound-call campaigns on Dezhu cloud call center and Alibaba Cloud OutboundBot" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/outbound-exporter /opt/outbound-exporter
ENV PATH="/opt/outbound-exporter/bin:${PATH}" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /
# A number, so that Kubernetes can tell that it is not root (runAsNonRoot).
USER 65532:65532
EXPOSE 9877
ENTRYPOINT ["outbound-exporter"]
CMD ["--config.file=/etc/outbound-exporter/config.yaml"]
