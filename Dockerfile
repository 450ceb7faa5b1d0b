# This Debian must not be newer than the final image's: the binary is linked against its glibc.
FROM rust:1.95.0-bookworm AS build
WORKDIR /build

# Dependencies first, with empty sources, so that any builder caches this layer without an extra tool or a cache mount.
# The benchmark is only declared, since Cargo.lock covers it; it is not built.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY bench/Cargo.toml bench/
COPY crates/private-postgres/Cargo.toml crates/private-postgres/
RUN mkdir src bench/src crates/private-postgres/src \
    && echo 'fn main() {}' | tee src/main.rs >bench/src/main.rs \
    && touch src/lib.rs crates/private-postgres/src/lib.rs \
    && cargo build --release --locked \
    && cargo clean --release --locked --package task-status --package private-postgres \
    && rm -r src crates/private-postgres/src

# --frozen fails if the layer above lacks a dependency.
COPY . .
ARG REVISION=unknown
RUN TASK_STATUS_COMMIT=$REVISION cargo build --release --frozen


# Debian 13: distroless stopped updating its images of Debian 12 in September 2026.
FROM gcr.io/distroless/cc-debian13:nonroot
COPY --from=build /build/target/release/task-status /usr/local/bin/task-status

# Numeric, since Kubernetes' runAsNonRoot cannot check a name.
USER 65532:65532

# Without TASK_STATUS_AUTH the image does not start: its user decides who may call.
ENV TASK_STATUS_LISTEN=0.0.0.0:8080 \
    TASK_STATUS_ADMIN_LISTEN=0.0.0.0:8081
EXPOSE 8080 8081

STOPSIGNAL SIGTERM
# Longer than the command's own two seconds, so that the engine keeps its message.
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
