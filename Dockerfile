# The build needs the compiler; the image that runs has only what runs.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
# npm ci also builds (prepare), then the development dependencies go.
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production \
    GRIDMOOR_DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY scripts/healthcheck.js ./scripts/healthcheck.js
COPY rule-chains ./rule-chains
COPY device-profiles ./device-profiles
COPY LICENSE README.md CHANGELOG.md ./
# The data directory belongs to the user of the process, also as a fresh volume.
RUN mkdir /data && chown node:node /data && chmod 700 /data
USER node
VOLUME /data
EXPOSE 1883 8080 5683/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s --retries=3 CMD ["node", "scripts/healthcheck.js"]
# node is process 1 and gets the signals itself: no shell, no npm in between.
ENTRYPOINT ["node", "--max-semi-space-size=32", "dist/main.js"]
CMD ["serve"]
