# syntax=docker/dockerfile:1
# walletcreds as an image: node, the bundle, and the one package that can't be bundled. No shell, no package manager.
#
#   docker build -t walletcreds .
#   docker buildx build --platform linux/amd64,linux/arm64 \
#     --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) --output type=image,rewrite-timestamp=true .
#
# Both bases are named by the digest of their index, which holds amd64 and arm64. To move on to a newer one:
#   docker buildx imagetools inspect node:24-bookworm-slim
#   docker buildx imagetools inspect gcr.io/distroless/nodejs24-debian13:nonroot
ARG NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:2fe369e969550cde8e867afc3fe370b260140cab4a23d467074295b42163d553
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot@sha256:af85d11ce7ef10172855a6e3649e3e8125b1b9e3ca41849ec2918036f05cb212

# Runs on the machine that builds, whatever it builds for: nothing here is compiled, so nothing has to be emulated.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/var/cache/npm npm ci --ignore-scripts --cache=/var/cache/npm
COPY tsconfig.json LICENSE ./
COPY scripts scripts
COPY src src
COPY docs/symptoms.md docs/symptoms.md
RUN node scripts/build.mjs
# What production needs, its native part for the platform that is built for.
ARG TARGETARCH
WORKDIR /out/app
RUN --mount=type=cache,target=/var/cache/npm \
    cp /src/package.json /src/package-lock.json /src/.npmrc ./ \
 && node /src/scripts/manifest.mjs reduce . \
 && npm install --omit=dev --omit=peer --ignore-scripts --cache=/var/cache/npm \
      --os=linux --cpu="$(echo "${TARGETARCH:-$(node -p process.arch)}" | sed s/amd64/x64/)" \
 && rm -r package-lock.json .npmrc node_modules/.package-lock.json node_modules/@libsql/*-musl \
 && cp -r /src/dist /src/docs /src/LICENSE ./
# One moment for every file, so that the same sources give the same layer.
ARG SOURCE_DATE_EPOCH=0
RUN find /out -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="walletcreds" \
      org.opencontainers.image.description="AWS credentials for one wallet's data and nothing else, over the ECS container-credentials contract" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/ /
# Where node is in this base and in Debian's. What is written goes to state_dir, which is a mount: the root is read-only.
ENV PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin \
    NODE_ENV=production \
    WALLETCREDS_CONFIG=/etc/walletcreds/walletcreds.yaml
WORKDIR /app
USER 65532:65532
# The endpoint alone: admin and broker are loopback's unless the configuration says otherwise.
EXPOSE 9110
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "/app/dist/bin.js", "healthcheck"]
ENTRYPOINT ["node", "/app/dist/bin.js"]
CMD ["serve"]
