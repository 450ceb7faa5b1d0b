# Its Debian must not be newer than that of the final image: the binary is linked against its glibc.
FROM rust:1.95.0-bookworm AS build
WORKDIR /build

# Dependencies first, with empty sources: any builder caches and shares this layer; no extra tool, no stale cache mount.
# Of the benchmark only that it is there, since Cargo.lock is for both; it is not built.
COPY Cargo.toml Cargo.lock ./
COPY bench/Cargo.toml bench/
COPY crates/private-postgres/Cargo.toml crates/private-postgres/
RUN mkdir src bench/src crates/private-postgres/src \
    && echo 'fn main() {}' | tee src/main.rs >bench/src/main.rs \
    && touch src/lib.rs crates/private-postgres/src/lib.rs \
    && cargo build --release --locked \
    && cargo clean --release --locked --package task-status --package private-postgres \
    && rm -r src crates/private-postgres/src

# Frozen: nothing is downloaded any more, so the layer above held everything.
COPY . .
RUN cargo build --release --frozen


# Debian 13, since distroless stopped updating the images of Debian 12 in September 2026.
FROM gcr.io/distroless/cc-debian13:nonroot
COPY --from=build /build/target/release/task-status /usr/local/bin/task-status

# As numbers: Kubernetes' runAsNonRoot cannot tell it from a name.
USER 65532:65532

# No TASK_STATUS_AUTH: whoever runs the image must say who may call, or it does not start.
ENV TASK_STATUS_LISTEN=0.0.0.0:8080 \
    TASK_STATUS_ADMIN_LISTEN=0.0.0.0:8081
EXPOSE 8080 8081

STOPSIGNAL SIGTERM
# Longer than the two seconds that the command itself waits, so that its own message is what the engine keeps.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/task-status", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/task-status"]
CMD ["serve"]

# Last, since they change with every build: --build-arg VERSION=... --build-arg REVISION=...
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="task-status" \
      org.opencontainers.image.description="Which background work is still pending, and how is it doing: an exact, fresh Task Management API on PostgreSQL" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian13:nonroot" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
